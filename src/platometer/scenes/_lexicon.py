"""The words of the captions: for every value of an attribute the words that tell it, the most usual first.

A word for a kind, a colour or a size tells one value of that attribute and nothing else, so that words merged are values
merged.
"""

from __future__ import annotations

Words = dict[str, tuple[str, ...]]  # value -> what tells it

KINDS: Words = {
    "tree": ("tree", "oak", "maple", "beech"),
    "flower": ("flower", "blossom", "bloom", "poppy"),
    "cactus": ("cactus", "saguaro"),
    "rock": ("rock", "boulder", "stone"),
    "house": ("house", "cottage", "villa"),
    "tower": ("tower", "spire", "turret", "steeple"),
    "tent": ("tent", "tepee", "marquee"),
    "boat": ("boat", "ship", "dinghy", "barge"),
    "car": ("car", "automobile", "sedan", "van"),
    "lamp": ("lamp", "lantern", "lamppost"),
    "person": ("person", "walker", "stranger", "passer-by"),
    "dog": ("dog", "hound", "terrier"),
    "cow": ("cow", "heifer", "bullock"),
    "bird": ("bird", "songbird", "finch"),
    "ball": ("ball", "football", "beachball"),
    "kite": ("kite", "stunt-kite"),
}
COLOURS: Words = {
    "red": ("red", "scarlet", "crimson"),
    "orange": ("orange", "tangerine", "apricot"),
    "yellow": ("yellow", "golden", "lemon"),
    "green": ("green", "emerald", "olive"),
    "blue": ("blue", "azure", "navy"),
    "purple": ("purple", "violet", "lilac"),
    "brown": ("brown", "chestnut", "umber"),
    "white": ("white", "ivory", "chalky"),
    "grey": ("grey", "silver", "ashen"),
    "black": ("black", "ebony", "inky"),
}
SIZES: Words = {
    "small": ("small", "little", "tiny"),
    "middling": ("medium-sized", "middling", "mid-sized"),
    "large": ("large", "big", "huge"),
}
VERBS: Words = {  # what a thing does, third person
    "tree": ("stands", "grows", "rises"),
    "flower": ("grows", "opens", "sways"),
    "cactus": ("stands", "grows"),
    "rock": ("lies", "rests"),
    "house": ("stands", "sits"),
    "tower": ("rises", "stands", "looms"),
    "tent": ("stands", "is pitched"),
    "boat": ("lies", "rests", "is moored"),
    "car": ("stands", "is parked", "waits"),
    "lamp": ("stands", "glows", "shines"),
    "person": ("stands", "waits", "lingers"),
    "dog": ("sits", "waits", "barks"),
    "cow": ("stands", "grazes", "rests"),
    "bird": ("perches", "sits", "hops"),
    "ball": ("lies", "rests", "rolls"),
    "kite": ("flies", "hovers", "flutters"),
}
PLACES: Words = {
    "meadow": ("in a meadow", "in the meadow", "in a field", "on a pasture", "in the grassland"),
    "forest": ("in a forest", "in the forest", "in the woods", "in the woodland", "among the thickets"),
    "street": ("on a street", "on the street", "by the road", "along the avenue", "on the pavement"),
    "desert": ("in a desert", "in the desert", "among the dunes", "on the sands"),
    "harbour": ("in a harbour", "in the harbour", "at the port", "by the docks", "on the quay"),
    "mountain": ("in the mountains", "on a mountain", "on the summit", "on the slope", "up in the highlands"),
    "garden": ("in a garden", "in the garden", "in the backyard", "behind the hedge", "on the lawn"),
    "park": ("in a park", "in the park", "on the playground", "on the common"),
}
PLACE_NOUNS: Words = {
    "meadow": ("meadow", "field", "pasture"),
    "forest": ("forest", "woods", "woodland"),
    "street": ("street", "road", "avenue"),
    "desert": ("desert", "dunes", "sands"),
    "harbour": ("harbour", "port", "docks"),
    "mountain": ("mountain", "mountains", "summit"),
    "garden": ("garden", "backyard", "lawn"),
    "park": ("park", "playground"),
}
TIMES: Words = {
    "morning": ("in the morning", "at dawn", "at sunrise", "early in the day"),
    "noon": ("at noon", "at midday", "around noon", "in the middle of the day"),
    "evening": ("in the evening", "at dusk", "at sunset", "towards evening"),
    "night": ("at night", "after dark", "at midnight", "during the night"),
}
TIME_NOUNS: Words = {"morning": ("morning", "dawn"), "noon": ("noon", "midday"), "evening": ("evening", "dusk"),
              "night": ("night", "midnight")}
SEASONS: Words = {
    "spring": ("in spring", "in springtime", "during spring"),
    "summer": ("in summer", "in summertime", "during summer"),
    "autumn": ("in autumn", "during autumn", "in the fall"),
    "winter": ("in winter", "in wintertime", "during winter"),
}
WEATHERS: Words = {
    "clear": ("under a clear sky", "in fine weather", "beneath a cloudless sky"),
    "cloudy": ("under a cloudy sky", "under heavy clouds", "in overcast weather"),
    "rain": ("in the rain", "in a downpour", "in pouring rain", "in a drizzle"),
    "snow": ("in the snow", "in falling snow", "amid snowflakes", "in a blizzard"),
}
WEATHER_NOUNS: Words = {"clear": ("clear sky", "fine weather"), "cloudy": ("clouds", "overcast"), "rain": ("rain", "downpour"),
                 "snow": ("snow", "snowfall")}
WEATHER_WORDS: Words = {"clear": ("clear", "fine", "cloudless"), "cloudy": ("cloudy", "overcast"), "rain": ("rainy", "wet"),
                 "snow": ("snowy",)}
WEATHER_CLAUSES: Words = {
    "clear": ("the sky is clear", "the weather is fine", "there is not a cloud"),
    "cloudy": ("the sky is cloudy", "clouds hang low", "the sky is overcast"),
    "rain": ("it is raining", "rain is falling", "it is pouring"),
    "snow": ("it is snowing", "snow is falling", "snowflakes drift down"),
}
RELATIONS: Words = {  # where the second thing is, seen from the first: second thing told after, or first thing placed by it
    "left": ("with {b} on the left", "to the right of {b}", "with {b} to the left", "right of {b}"),
    "right": ("with {b} on the right", "to the left of {b}", "with {b} to the right", "left of {b}"),
    "behind": ("with {b} behind", "in front of {b}", "with {b} in the background"),
    "before": ("with {b} in front", "behind {b}", "with {b} in the foreground"),
}
OPPOSITE = {"left": "right", "right": "left", "behind": "before", "before": "behind"}
COUNTS: Words = {
    "one": ("a single thing", "one thing", "a lone object", "one thing alone", "only one object"),
    "two": ("two things", "a pair of things", "two objects", "a couple of objects"),
    "three": ("three things", "a trio of things", "three objects", "three of them"),
    "four": ("four things", "four objects", "a quartet of things", "four of them"),
}
COUNT_CLAUSES: Words = {
    "one": ("nothing else is there", "it is the only thing", "there is just one thing"),
    "two": ("there are two things in all", "two things are there", "it is one of two"),
    "three": ("there are three things in all", "three things are there", "it is one of three"),
    "four": ("there are four things in all", "four things are there", "it is one of four"),
}
ARRANGEMENTS: Words = {
    "row": ("in a row", "in a line", "lined up", "in single file"),
    "cluster": ("close together", "huddled together", "in a tight cluster", "bunched up"),
    "scattered": ("scattered about", "strewn around", "spread at random", "here and there"),
    "mirrored": ("mirrored", "facing each other", "as if reflected", "placed like twins"),
    "apart": ("far apart", "well separated", "at a distance from each other", "keeping apart"),
}
SYMMETRIES: Words = {
    "symmetric": ("balanced", "symmetric", "in perfect balance", "in equilibrium"),
    "lopsided": ("unbalanced", "lopsided", "out of balance", "askew"),
}
SYMMETRY_CLAUSES: Words = {
    "symmetric": ("both halves are alike", "the whole is balanced", "everything is symmetric", "one half repeats the other"),
    "lopsided": ("the halves differ", "the whole is unbalanced", "everything is lopsided", "one side outweighs the other"),
}
MOODS: Words = {
    "gloomy": ("gloomy", "bleak", "sombre", "dismal"),
    "mysterious": ("mysterious", "eerie", "enigmatic", "uncanny"),
    "lonely": ("lonely", "forlorn", "solitary", "lonesome"),
    "cheerful": ("cheerful", "merry", "joyful", "happy"),
    "calm": ("calm", "peaceful", "serene", "tranquil"),
    "lively": ("lively", "bustling", "animated", "spirited"),
}
MOOD_CLAUSES = ("the mood is {m}", "it feels {m}", "everything seems {m}", "the atmosphere is {m}", "the scene is {m}",
                "one feels {m}", "all in all it is {m}")
# What is said of time, season and weather by one who names no thing and no colour.
TIMES_OF_LIFE: Words = {
    "spring": ("it is a time of beginnings", "this is the youth of the year", "life is waking", "all is young"),
    "summer": ("it is a time of plenty", "this is the prime of the year", "life is at its fullest", "all is in its prime"),
    "autumn": ("it is a time of ripeness", "the year grows old", "life is fading", "all is ripe and waning"),
    "winter": ("it is a time of rest", "this is the old age of the year", "life is asleep", "all is old and still"),
}
TIMES_OF_DAY: Words = {
    "morning": ("as the day begins", "with the day ahead", "at the first hour"),
    "noon": ("with the day half over", "at the height of the day", "at the brightest hour"),
    "evening": ("as the day ends", "with the day behind", "at the last hour"),
    "night": ("while the world sleeps", "in the darkest hours", "between two days"),
}
AIRS: Words = {
    "clear": ("nothing is hidden", "the air is open", "all is plain to see"),
    "cloudy": ("much is veiled", "the air is dull", "all is under a veil"),
    "rain": ("the air weeps", "all is drenched", "tears fall from above"),
    "snow": ("the air is frozen", "all is hushed and frozen", "a cold silence falls"),
}
BULKS: Words = {
    "small": ("the main one is small", "the first is slight", "the chief one is tiny"),
    "middling": ("the main one is middling", "the first is of moderate bulk", "the chief one is mid-sized"),
    "large": ("the main one is large", "the first is massive", "the chief one is huge"),
}
BEARINGS: Words = {
    "left": ("the second stands left of the first", "another is on the left", "leftward there is another"),
    "right": ("the second stands right of the first", "another is on the right", "rightward there is another"),
    "behind": ("the second stands behind the first", "another is behind", "the first hides the second"),
    "before": ("the second stands in front of the first", "another is in front", "the second hides the first"),
}


def article(word: str) -> str:
    """"a" or "an", as the word wants it.

    Parameters
    ----------
    word : the next one.
    """
    return "an" if word[0] in "aeiou" else "a"


def plural(noun: str) -> str:
    """The plural of one of the nouns here.

    Parameters
    ----------
    noun : one word.
    """
    if noun == "passer-by":
        return "passers-by"
    if noun.endswith(("s", "ch", "x")):
        return noun + "es"
    return noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
