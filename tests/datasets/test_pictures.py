"""Pictures: upright, RGB, whole."""

import io

import numpy as np
import pytest
from PIL import Image

from platometer.datasets._pictures import decode, small
from platometer.errors import DataError


@pytest.mark.parametrize("mode", ["RGB", "L", "LA", "RGBA", "P", "CMYK", "1"])
def test_every_mode_becomes_rgb(draw, encode, mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert decode(encode(draw(0).convert(mode), kind), "x").mode == "RGB"


def test_a_palette_with_transparency_becomes_rgb(draw, encode):
    assert decode(encode(draw(0).convert("P"), "PNG", transparency=b"\x00\x80"), "x").mode == "RGB"


def test_sixteen_bits_are_scaled_and_not_cut(encode):
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    found = np.asarray(decode(encode(Image.fromarray(ramp), "PNG"), "x"))[..., 0]
    assert np.array_equal(found, ramp // 256)


def test_pictures_are_turned_as_their_camera_was(draw, encode):
    upright = draw(0, size=(60, 30))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to see it upright
    found = decode(encode(upright.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif), "x")
    assert found.size == (60, 30)
    assert np.array_equal(np.asarray(found), np.asarray(upright))


def test_the_first_frame_of_an_animation_is_taken(draw, encode):
    frames = [draw(i).convert("P") for i in range(3)]
    found = decode(encode(frames[0], "GIF", save_all=True, append_images=frames[1:]), "x")
    assert np.array_equal(np.asarray(found), np.asarray(frames[0].convert("RGB")))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_picture_cut_short_is_named(draw, encode, kind):
    data = encode(draw(0), kind)
    for cut in (len(data) // 4, len(data) // 2, len(data) - 40):
        with pytest.raises(DataError, match="row 7"):
            decode(data[:cut], "a.jpg, row 7")
        with pytest.raises(DataError, match="row 7"):
            small(data[:cut], "a.jpg, row 7")


@pytest.mark.parametrize("data", [b"<html>not found</html>", b"", b"\x89PNG\r\n\x1a\n" + bytes(50), bytes(1000)])
def test_what_is_no_picture_is_named(data):
    with pytest.raises(DataError, match=r"a\.jpg"):
        decode(data, "a.jpg")


def test_a_bomb_is_not_decoded(monkeypatch, draw, encode):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    data = encode(draw(0))
    with pytest.raises(DataError, match=r"a\.jpg (is too large|cannot be decoded).*pixels"):
        decode(data, "a.jpg")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1500)  # between the limit and twice the limit Pillow only warns
    with pytest.raises(DataError, match="is too large"):
        decode(data, "a.jpg")


def test_a_thumbnail_is_nearly_that_of_the_whole_picture(draw, encode):
    data = encode(draw(1, size=(800, 600)))
    whole = np.asarray(decode(data, "x").resize((9, 8), Image.Resampling.BILINEAR)).astype(int)
    found = small(data, "x")
    assert found.shape == (8, 9, 3)
    assert np.abs(found - whole).max() <= 4


def test_a_damaged_bit_is_an_error_of_ours_or_a_picture(draw, encode):
    random = np.random.default_rng(0)
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF"):
        data = bytearray(encode(draw(0), kind))
        for place in random.integers(0, len(data), 60):
            broken = bytes(data[:place]) + bytes([data[place] ^ 0xFF]) + bytes(data[place + 1 :])
            try:
                found = decode(broken, "x")
            except DataError:
                continue
            assert found.mode == "RGB"


def test_reading_leaves_no_file_open(draw, encode):
    buffer = io.BytesIO(encode(draw(0)))
    assert decode(buffer.getvalue(), "x").size == (48, 40)
