"""Files of vectors: what is written is read, and what cannot be read is named."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from platometer.errors import DataError, InputError, NotFiniteError, PlatometerError, ShapeError
from platometer.features import Features
from platometer.vectors import matched, read

X = np.arange(12, dtype=np.float32).reshape(4, 3)
Y = np.cos(np.arange(20, dtype=np.float64)).reshape(4, 5)
SHARED = Path("/work/shared/data")


def write_npy(path):
    np.save(path, X)


def write_npz(path):
    np.savez(path, layer_10=Y, layer_2=X, ids=np.array(["a", "b", "c", "d"]))


def write_safetensors(path):
    save_file({"layer_10": torch.tensor(Y), "layer_2": torch.tensor(X).bfloat16()}, path)


def write_parquet(path):
    pq.write_table(pa.table({"id": ["a", "b", "c", "d"], "layer_10": list(Y), "layer_2": list(X)}), path)


def write_csv(path):
    path.write_text("id,a,b\nw,1,2\nx,3,4\ny,5,6\nz,7,8.5\n")


def write_h5(path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file["vision/layer_10"], file["vision/layer_2"] = Y, X
        file["ids"] = ["a", "b", "c", "d"]


def write_pt(path):
    torch.save({"feats": torch.tensor(np.stack([X, 2 * X], axis=1)), "num_params": 17, "loss": torch.ones(4)}, path)


WRITERS = {".npy": write_npy, ".npz": write_npz, ".safetensors": write_safetensors, ".parquet": write_parquet,
           ".csv": write_csv, ".h5": write_h5, ".pt": write_pt}


def test_an_npy_file_is_one_layer(tmp_path):
    write_npy(tmp_path / "x.npy")
    found = read(tmp_path / "x.npy")
    assert found.names == ("0",)
    assert found["0"].dtype == torch.float32
    assert torch.equal(found["0"], torch.tensor(X))
    assert found.model.name == "x"
    assert found.model.source == f"file:{tmp_path / 'x.npy'}"


def test_a_three_dimensional_array_is_a_stack_of_layers(tmp_path):
    np.save(tmp_path / "x.npy", np.stack([X, 2 * X, 3 * X], axis=1))
    found = read(tmp_path / "x.npy")
    assert found.names == ("0", "1", "2")
    assert torch.equal(found["2"], 3 * torch.tensor(X))


@pytest.mark.parametrize("ending", [".npz", ".safetensors", ".parquet", ".h5"])
def test_layers_stand_in_natural_order(tmp_path, ending):
    WRITERS[ending](tmp_path / f"x{ending}")
    found = read(tmp_path / f"x{ending}")
    assert [name.rpartition("/")[2] for name in found.names] == ["layer_2", "layer_10"]
    assert found.widths == (3, 5)
    assert torch.allclose(found[found.names[1]].double(), torch.tensor(Y))


@pytest.mark.parametrize("ending", [".npz", ".parquet", ".h5"])
def test_a_column_of_ids_is_taken_as_ids(tmp_path, ending):
    WRITERS[ending](tmp_path / f"x{ending}")
    assert read(tmp_path / f"x{ending}").ids == ("a", "b", "c", "d")


def test_the_released_codes_dictionary_is_read_with_its_number_of_parameters(tmp_path):
    write_pt(tmp_path / "x.pt")
    found = read(tmp_path / "x.pt")
    assert found.names == ("0", "1")
    assert torch.equal(found["1"], 2 * torch.tensor(X))
    assert found.model.parameters == 17


def test_the_released_codes_list_of_layers_may_differ_in_width(tmp_path):
    torch.save({"feats": [torch.tensor(X), torch.tensor(Y)]}, tmp_path / "x.pth")
    assert read(tmp_path / "x.pth").widths == (3, 5)


def test_torch_files_of_the_old_format_are_read(tmp_path):
    torch.save({"b": torch.tensor(Y), "a": torch.tensor(X), "n": 3}, tmp_path / "x.pt", _use_new_zipfile_serialization=False)
    found = read(tmp_path / "x.pt")
    assert found.names == ("a", "b")
    assert found.details["left_out"] == {"n": "a int, not a tensor"}


def test_a_torch_file_with_other_objects_is_not_loaded(tmp_path):
    torch.save({"feats": Path("x")}, tmp_path / "x.pt")
    with pytest.raises(DataError, match="holds more than tensors: loading that could run code"):
        read(tmp_path / "x.pt")


def test_a_zarr_group_is_read_and_a_missing_chunk_is_not_zeros(tmp_path):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "x.zarr"), mode="w")
    for name, value in (("layer_10", Y), ("layer_2", X)):
        group.create_array(name, data=value, chunks=(2, value.shape[1]))
    assert read(tmp_path / "x.zarr").names == ("layer_2", "layer_10")
    (tmp_path / "x.zarr").rename(tmp_path / "folder")
    assert read(tmp_path / "folder").widths == (3, 5)
    (tmp_path / "folder" / "layer_10" / "c" / "1" / "0").unlink()
    with pytest.raises(DataError, match="'layer_10': 1 of 2 chunks are missing"):
        read(tmp_path / "folder")


def test_a_zarr_array_is_one_layer(tmp_path):
    zarr = pytest.importorskip("zarr")
    zarr.create_array(str(tmp_path / "x.zarr"), data=Y)
    assert torch.equal(read(tmp_path / "x.zarr")["0"], torch.tensor(Y))


# csv


@pytest.mark.parametrize(
    ("text", "ids", "numbers"),
    [
        ("1,2\n3,4\n", (), [[1, 2], [3, 4]]),
        ("a,b\n1,2\n3,4\n", (), [[1, 2], [3, 4]]),
        ("a,b\n1,2\n", (), [[1, 2]]),
        ("a;b\n1;2\n3;4\n", (), [[1, 2], [3, 4]]),
        ("a\tb\n1\t2\n3\t4\n", (), [[1, 2], [3, 4]]),
        ("1.5 2\n3  4\n", (), [[1.5, 2], [3, 4]]),
        ("# a b\n1 2 \n3 4 \n", (), [[1, 2], [3, 4]]),
        ("cow, 1, -2e-3\nhen, 3, 4\n", ("cow", "hen"), [[1, -2e-3], [3, 4]]),
        ("id,a\n7,1\n9,2\n", ("7", "9"), [[1], [2]]),
        ("kind,id,a\nbird,7,1\nbird,9,2\n", ("7", "9"), [[1], [2]]),
        (",a\n0,1\n1,2\n", (), [[1], [2]]),
        ('name,a\n"a, b",1\n"c\nd",2\n', ("a, b", "c\nd"), [[1], [2]]),
        ("\ufeffa,b\r\n1,2\r\n\r\n3,4\r\n", (), [[1, 2], [3, 4]]),
        ("5\n6\n", (), [[5], [6]]),
        ("word,a\ncow,1\ninfinity,2\nhen,3\n", ("cow", "infinity", "hen"), [[1], [2], [3]]),
    ],
)
def test_csv_files_of_many_kinds_are_understood(tmp_path, text, ids, numbers):
    (tmp_path / "x.csv").write_text(text, encoding="utf-8", newline="")
    found = read(tmp_path / "x.csv")
    assert found.ids == ids
    assert found["0"].tolist() == numbers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n3,x\n", "line 3, column 'b': 'x' is not a number"),
        ("a,b\n1,2\n\n3,\n", "line 4, column 'b': '' is not a number. The cell is empty."),
        ("a;b\n1;2\n0,5;2\n", "'0,5' is not a number. Write decimals with a point"),
        ("a,b\n1,2\n1,2,3\n", "line 3: 3 cells where the first line has 2"),
        ("a,b\n", "a header and no rows"),
        ("a,a\n1,2\n", "two columns are named 'a'"),
        ("cow,hen\nfox,dog\n", "no column of numbers"),
        ("id,a\nx,1\nx,2\n", "'id': the id 'x' stands more than once"),
        ("\n\n", "is empty"),
    ],
)
def test_a_csv_error_names_line_and_column(tmp_path, text, said):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError) as error:
        read(tmp_path / "x.csv")
    assert said in str(error.value)
    assert "x.csv" in str(error.value)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize(("first", "rest", "doubted"), [
    ([3, 1, 2], [0.5, 1.0, 2.5], True), ([3, 1, 3], [0.5, 1.0, 2.5], False), ([3.5, 1, 2], [0.5, 1.0, 2.5], False),
    ([3, 1, 2], [5, 1, 2], False),
])
def test_a_first_column_that_counts_the_rows_is_read_with_a_doubt(tmp_path, ending, first, rest, doubted):
    path = tmp_path / f"x.{ending}"
    if ending == "csv":
        path.write_text("subject,a\n" + "".join(f"{one},{other}\n" for one, other in zip(first, rest, strict=True)))
    else:
        pq.write_table(pa.table({"subject": first, "a": rest}), path)
    found = read(path)
    assert found.widths == (2,)
    told = "was read as a feature, and is another whole number in each row; if it says which row is which, call it id"
    assert found.details == ({"doubts": {"subject": told}} if doubted else {})


def test_a_csv_that_is_not_text_is_said_to_be_none(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(DataError, match="not text in UTF-8"):
        read(tmp_path / "x.csv")


# parquet


def test_number_columns_of_a_parquet_file_are_one_layer(tmp_path):
    pq.write_table(pa.table({"name": ["p", "q"], "a": [1, 2], "b": [0.5, 0.25]}), tmp_path / "x.parquet")
    found = read(tmp_path / "x.parquet")
    assert found.ids == ("p", "q")
    assert found["0"].tolist() == [[1, 0.5], [2, 0.25]]


def test_a_column_of_labels_beside_columns_of_vectors_is_left_out_and_said(tmp_path):
    pq.write_table(pa.table({"vector": list(X), "label": [0, 1, 1, 0]}), tmp_path / "x.parquet")
    found = read(tmp_path / "x.parquet")
    assert found.names == ("vector",)
    assert found.details["left_out"] == {"label": "one number per row, beside columns of vectors"}


def test_lists_of_lists_in_a_parquet_file_are_layers(tmp_path):
    stack = np.stack([X, 2 * X], axis=1)
    pq.write_table(pa.table({"feats": stack.tolist()}), tmp_path / "x.parquet")
    found = read(tmp_path / "x.parquet")
    assert found.names == ("0", "1")
    assert found["1"].tolist() == (2 * X).tolist()


@pytest.mark.parametrize(
    ("column", "said"),
    [([[1.0, 2.0], [3.0]], "1 numbers in row 1, 2 in row 0"), ([[1.0], None], "nothing in row 1"),
     ([[1.0, 2.0], [3.0, None]], "a number is missing in row 1"), ([["a"], ["b"]], "lists of string, not of numbers"),
     ([1.0, None], "nothing in row 1")],
)
def test_a_parquet_error_names_column_and_row(tmp_path, column, said):
    pq.write_table(pa.table({"v": column}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match=f"column 'v'.*{said}"):
        read(tmp_path / "x.parquet")


# keys


def test_a_key_picks_an_array_or_a_group(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["vision/0"], file["vision/1"], file["text/0"] = X, 2 * X, np.ones((7, 2))
    assert read(tmp_path / "x.h5", key="vision").names == ("vision/0", "vision/1")
    assert read(tmp_path / "x.h5", key="text/0").n == 7
    with pytest.raises(DataError, match=r"no array 'visoin'\. Did you mean"):
        read(tmp_path / "x.h5", key="visoin")
    with pytest.raises(ShapeError, match=r"'text/0' has 7.*Pick one with its key"):
        read(tmp_path / "x.h5")


def test_a_key_picks_a_stack_of_layers(tmp_path):
    np.savez(tmp_path / "x.npz", feats=np.stack([X, 2 * X], axis=1), other=Y)
    assert read(tmp_path / "x.npz").names == ("feats.0", "feats.1", "other")
    assert read(tmp_path / "x.npz", key="feats").names == ("0", "1")


# what is wrong


def test_a_missing_file_is_said_to_be_missing_with_a_near_name(tmp_path):
    write_npy(tmp_path / "vision.npy")
    with pytest.raises(DataError, match=r"no file .*visoin.npy. Did you mean 'vision.npy'\?"):
        read(tmp_path / "visoin.npy")
    with pytest.raises(DataError, match="There is no folder"):
        read(tmp_path / "nowhere" / "x.npy")


def test_an_unknown_ending_lists_the_known_ones(tmp_path):
    (tmp_path / "x.mat").write_bytes(b"1")
    with pytest.raises(DataError, match=r"its ending '.mat'. Known: .*\.npy"):
        read(tmp_path / "x.mat")
    with pytest.raises(DataError, match="is a folder, but not a zarr"):
        read(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match=r"platometer.store.open reads it"):
        read(tmp_path)


@pytest.mark.parametrize("ending", [e for e in WRITERS])
def test_an_empty_file_is_said_to_be_empty(tmp_path, ending):
    (tmp_path / f"x{ending}").write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        read(tmp_path / f"x{ending}")


@pytest.mark.parametrize("ending", [e for e in WRITERS if e != ".csv"])
def test_a_damaged_file_is_an_error_of_ours_or_reads_whole(tmp_path, ending):
    path = tmp_path / f"x{ending}"
    WRITERS[ending](path)
    data = path.read_bytes()
    random = np.random.default_rng(0)
    for cut in {1, 7, len(data) // 3, len(data) // 2, len(data) - 1}:
        path.write_bytes(data[:cut])
        with pytest.raises(PlatometerError, match="x"):
            read(path)
    for place in random.integers(0, len(data), 40):
        path.write_bytes(data[:place] + bytes([data[place] ^ (1 << int(random.integers(8)))]) + data[place + 1 :])
        try:
            found = read(path)
        except PlatometerError:
            continue
        assert found.n > 0  # a bit in the numbers themselves cannot be told from a number


def test_a_file_with_the_wrong_ending_is_told_so(tmp_path):
    write_csv(tmp_path / "x.csv")
    for ending in (".npy", ".npz", ".safetensors", ".parquet", ".h5", ".pt"):
        (tmp_path / f"y{ending}").write_bytes((tmp_path / "x.csv").read_bytes())
        with pytest.raises(DataError, match=f"y{ending}"):
            read(tmp_path / f"y{ending}")


@pytest.mark.parametrize("ending", [".npy", ".npz"])
def test_a_text_by_the_name_of_an_array_is_no_array(tmp_path, ending):
    (tmp_path / f"x{ending}").write_text("hello world, this is text")
    with pytest.raises(DataError, match=rf"x{ending} is not an {ending[1:]} file: it begins with 'hello wo'. Was it"):
        read(tmp_path / f"x{ending}")


@pytest.mark.parametrize("text", ["id;a;b\nx;1,5;2,5\ny;2,5;3,5\n", "1,5;2,5;3,0\n2,5;3,5;1,0\n", "a\tb\n1,5\t2,5\n-2,5\t3\n"])
def test_decimal_commas_are_recognised_and_refused(tmp_path, text):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError, match=r"decimals are written with a comma \([12],5\), it seems, and cells parted by"):
        read(tmp_path / "x.csv")


@pytest.mark.parametrize("text", ["made by R\n1;2;3\n3;4;5\n", "size\n1,5\n2,5\n"])
def test_a_first_line_of_one_cell_above_many_gets_a_hint(tmp_path, text):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError, match=r"cells where the first line has 1. Cells are parted by '.' here, .* need a point"):
        read(tmp_path / "x.csv")


def test_a_key_in_the_wrong_case_is_suggested(tmp_path):
    np.savez(tmp_path / "x.npz", l1=X, l3=X)
    with pytest.raises(DataError, match=r"no array 'L3'. Did you mean 'l3'\?"):
        read(tmp_path / "x.npz", key="L3")


def test_python_objects_are_never_unpickled(tmp_path):
    ran = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return (Path.touch, (ran,))

    np.save(tmp_path / "x.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "x.npz", a=np.array([Trap()], dtype=object))
    torch.save({"feats": Trap()}, tmp_path / "x.pt")
    for ending in (".npy", ".npz", ".pt"):
        with pytest.raises(DataError, match="could run code"):
            read(tmp_path / f"x{ending}")
    assert not ran.exists()


def test_a_nan_names_file_layer_and_row(tmp_path):
    broken = Y.copy()
    broken[2, 1] = np.nan
    np.savez(tmp_path / "x.npz", good=X, bad=broken)
    with pytest.raises(NotFiniteError, match=r"x.npz, layer bad has NaN in row 2"):
        read(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("array", "said"),
    [(np.arange(4.0), r"shape \(4,\).*written as \(n, 1\)"), (np.ones((2, 2, 2, 2)), "Pool tokens or pixels first"),
     (np.float64(3), r"shape \(\)"), (np.ones((0, 3)), "0 samples"), (np.ones((3, 0)), "no features"),
     (np.ones((3, 0, 2)), "has no layers")],
)
def test_an_array_of_another_shape_is_an_error(tmp_path, array, said):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(ShapeError, match=said):
        read(tmp_path / "x.npy")


@pytest.mark.parametrize("kind", ["<f2", ">f4", ">f8", "longdouble", "bool", "u1", ">u2", "u8", ">i4"])
def test_numbers_of_every_kind_are_read(tmp_path, kind):
    numbers = (X % 2).astype(kind)
    np.save(tmp_path / "x.npy", numbers)
    assert read(tmp_path / "x.npy").matrix("0").tolist() == (X % 2).tolist()


def test_complex_numbers_and_texts_are_no_features(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((2, 2), dtype=complex))
    with pytest.raises(DataError, match="complex128, not numbers"):
        read(tmp_path / "x.npy")
    np.savez(tmp_path / "x.npz", words=np.array(["a", "b"]))
    with pytest.raises(DataError, match=r"no arrays of numbers\. It has words"):
        read(tmp_path / "x.npz")


def test_labels_beside_vectors_are_left_out_and_said(tmp_path):
    np.savez(tmp_path / "x.npz", vectors=X, labels=np.arange(4), classes=np.array(["a", "b"]))
    found = read(tmp_path / "x.npz")
    assert found.names == ("vectors",)
    assert set(found.details["left_out"]) == {"labels", "classes"}
    json.dumps(dict(found.details))


def test_the_weights_of_a_model_are_not_taken_for_features(tmp_path):
    save_file(torch.nn.Linear(3, 4).state_dict() | {"head.weight": torch.ones(4, 3)}, tmp_path / "x.safetensors")
    with pytest.raises(DataError, match="looks like the weights of a model"):
        read(tmp_path / "x.safetensors")
    assert read(tmp_path / "x.safetensors", key="head.weight").n == 4


def test_the_revision_names_the_content(tmp_path):
    for name, value in (("a", X), ("b", X), ("c", X + 1)):
        np.save(tmp_path / f"{name}.npy", value)
    a, b, c = (read(tmp_path / f"{name}.npy").model.revision for name in "abc")
    assert a == b != c
    assert len(a) == 16


def test_reading_needs_neither_the_store_nor_models():
    code = "import sys, platometer.vectors; print([m for m in sys.modules if m in ('platometer.store', 'platometer.models')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# matching


def features(ids, scale=1.0):
    values = torch.tensor([[float(ord(i[0])), scale] for i in ids])
    return Features(layers={"0": lambda: values}, n=len(ids), model=Features.of(values, name=f"m{scale}").model, ids=tuple(ids))


def test_rows_are_matched_by_id_and_the_rest_is_counted():
    left, right, notes = matched(features("abcde"), features("xdbay", 2.0))
    assert left.ids == right.ids == ("a", "b", "d")
    assert left["0"][:, 0].tolist() == right["0"][:, 0].tolist() == [97, 98, 100]
    assert notes == ("rows matched by id: 3 are on both sides, 2 only in m1.0, 2 only in m2.0",)


def test_rows_in_another_order_are_put_in_order():
    left, right, notes = matched(features("abc"), features("cab", 2.0))
    assert right["0"][:, 0].tolist() == left["0"][:, 0].tolist()
    assert "3 are on both sides, 0 only" in notes[0]


def test_sides_without_ids_are_left_as_they_are():
    left, right = features("abc"), Features.of(torch.ones(3, 2))
    assert matched(left, right) == (left, right, ())
    assert matched(left, left) == (left, left, ())


def test_rows_without_common_or_with_repeated_ids_cannot_be_matched():
    with pytest.raises(InputError, match="no id in common"):
        matched(features("abc"), features("xyz"))
    with pytest.raises(InputError, match=r"'a' stands more than once \(rows 0 and 2\)"):
        matched(features("aba"), features("abc"))


def test_texts_that_repeat_are_named_where_rows_would_have_to_be_matched_by_them(tmp_path):
    for name, ids in (("left", "abca"), ("right", "abc")):
        (tmp_path / f"{name}.csv").write_text("subject,a\n" + "".join(f"{one},{i}\n" for i, one in enumerate(ids)))
    with pytest.raises(InputError, match=r"left has 4 rows and right 3, .*'subject' is text, and not ids: the id 'a' stands"):
        matched(read(tmp_path / "left.csv"), read(tmp_path / "right.csv"))


def test_matched_rows_are_not_taken_for_the_whole():
    x = torch.tensor(X)
    whole = Features(layers={"0": lambda: x}, n=4, model=Features.of(X).model, ids=tuple("abcd"), key="k", samples="s")
    part, _, _ = matched(whole, features("dbxy"))
    assert part.ids == ("b", "d")
    assert part.key not in ("", "k")
    assert part.samples not in ("", "s")
    assert torch.equal(part["0"], torch.tensor(X)[[1, 3]])


@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared data")
def test_two_tables_of_word_vectors_are_matched_by_word():
    folder = SHARED / "text" / "word_vectors"
    left, right, notes = matched(read(folder / "glove_twitter_25d_12k.npz"), read(folder / "word2vec_300d_top1000.npz"))
    assert left.ids == right.ids
    assert left.n > 500
    assert "rows matched by id" in notes[0]
