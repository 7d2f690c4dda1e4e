"""The word lists of the planner: general English, nothing of any subject, data set or example.

Knows words alone: no text, no schema.
"""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


STOP_WORDS = _set(
    "a an the this that these those it its is are was were be been being am do does did done have has had "
    "having i me my "
    "mine we us our you your he him his she her they them their of in on at by for from to with within without "
    "into onto "
    "over under about as and or but nor so if then than also too please can could would should will shall may "
    "might must "
    "just only very more most much many some any each every all both either neither no not there here what "
    "which who whom "
    "whose when where why how let lets like want need know us up out off down again further once own same such other "
    "first second third fourth fifth firstly secondly thirdly lastly finally next afterwards "
    "additionally moreover furthermore later now given imagine suppose consider during before after between against "
    "since until another whether respective different monday tuesday wednesday thursday friday saturday sunday "
    "today tomorrow yesterday "
    "using use used via per etc e g i.e e.g respectively along well ok okay hi hello thanks thank"
)

QUESTION_WORDS = _set(
    "what what's whats which who who's whom whose when where where's why how how's is are was were do does did"
)

REQUEST_VERBS = _set(
    "add analyse analyze arrange ask book build buy calculate call cancel change check clone close commit "
    "compare compute "
    "convert count create delete describe determine display download draw estimate evaluate explain extract "
    "fetch fill "
    "find fix flip forecast generate get give identify install list locate log look make measure move "
    "open order "
    "pay play plot post predict provide purchase push recommend remove rent reserve resize retrieve return "
    "rotate run "
    "schedule search see select send set show simulate solve sort start stop submit suggest summarise summarize "
    "tell test "
    "track train transfer translate turn update upload verify view visit write can could would please what's "
    "whats i'd "
    "i'm i let's repeat assess obtain investigate examine discover inform review offer gather"
)

# Verbs that nearly every request and tool description has: they say nothing about which tool is meant.
WEAK_WORDS = _set(
    "find get give show tell list fetch retrieve provide return want information info detail details data specific "
    "specified given name value type number certain various based following function tool parameter optional default "
    "result set make take e.g calculate compute determine search look query api new particular help let method "
    "perform"
)

PLACE_PREPOSITIONS = _set("in at near around for to from of")
PLACE_WORDS = _set(
    "place location city town country state region area address destination origin venue county province district "
    "neighborhood neighbourhood village where locale airport"
)
QUERY_WORDS = _set("query q question search prompt keyword keywords term terms topic search_term search_query")
FREE_TEXT_WORDS = QUERY_WORDS | _set("message text content body note")
SEARCH_TOOL_WORDS = _set("search web internet lookup answer question query browse ask")

DETERMINERS = _set("a an the this that my your his her its our their some any these those each every")
ADJECTIVE_NOISE = _set(
    "next last past current recent latest following new good nice specific particular given total first second "
    "current upcoming previous initial final"
)

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sep sept",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}

NUMBER_WORDS = {
    "zero": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
    "hundred": 100,
    "dozen": 12,
    "twice": 2,
    "half": 0.5,
}
MAGNITUDES = {"thousand": 1_000, "k": 1_000, "million": 1_000_000, "billion": 1_000_000_000}

# Written forms of units, each under the word that descriptions use.
UNITS = {
    "m": "meter",
    "km": "kilometer",
    "cm": "centimeter",
    "mm": "millimeter",
    "kg": "kilogram",
    "g": "gram",
    "lb": "pound",
    "lbs": "pound",
    "s": "second",
    "sec": "second",
    "min": "minute",
    "mins": "minute",
    "h": "hour",
    "hr": "hour",
    "hrs": "hour",
    "yr": "year",
    "yrs": "year",
    "c": "celsius",
    "f": "fahrenheit",
    "k": "kelvin",
    "n": "newton",
    "j": "joule",
    "w": "watt",
    "v": "volt",
    "a": "ampere",
    "ft": "feet",
    "mi": "mile",
    "l": "liter",
    "ml": "milliliter",
    "gb": "gigabyte",
    "mb": "megabyte",
    "%": "percent",
    "$": "dollar",
    "€": "euro",
    "£": "pound",
    "m/s": "velocity",
    "m/s^2": "acceleration",
    "kph": "speed",
    "mph": "speed",
    "km/h": "speed",
    "ghz": "frequency",
    "hz": "frequency",
    "mol": "mole",
    "atm": "pressure",
}

# What a number with such a unit measures: it belongs to a field that speaks of one of these words.
_DIMENSIONS = (
    (
        "year month week day hour minute second decade",
        "year month week day hour minute second time term duration period long timeframe timespan age forecast",
    ),
    (
        "meter kilometer centimeter millimeter mile foot feet inch yard",
        "distance length height width radius "
        "diameter side base meter kilometer mile feet depth altitude size perimeter level dimension far range "
        "proximity tall",
    ),
    ("kilogram gram pound ounce ton", "mass weight kilogram gram pound heavy amount quantity"),
    ("celsius fahrenheit kelvin degree", "temperature temp heat degree angle celsius fahrenheit kelvin"),
    (
        "percent percentage %",
        "rate percent percentage level interest probability share confidence ratio growth "
        "discount humidity brightness tax tip fraction",
    ),
    (
        "dollar euro pound yen $ € £",
        "amount money cost price value investment income salary budget principal "
        "principle payment loan balance fee saving deposit capital worth bid revenue sum equity asset profit "
        "contribution",
    ),
)


def _dimensions() -> dict[str, frozenset[str]]:
    return {unit: _set(words) for units, words in _DIMENSIONS for unit in units.split()}


DIMENSIONS = _dimensions()
LENGTH_UNITS = _set(_DIMENSIONS[1][0])

# A modest general thesaurus: each line is one meaning.
_MEANINGS = (
    "cost price pricing fee charge expense",
    "movie film",
    "begin start initial origin departure",
    "end finish final",
    "buy purchase order",
    "book reserve reservation booking",
    "car vehicle automobile",
    "city town",
    "house home property",
    "picture image photo",
    "distance far",
    "duration long time length period",
    "person people individual guest passenger",
    "doctor physician",
    "job occupation",
    "law legal lawsuit case",
    "near nearby close around proximity",
    "big large size",
    "rate percentage percent",
    "money amount sum",
    "trip travel journey",
    "forecast predict prediction projection project",
    "year annual yearly",
    "month monthly",
    "day daily",
    "song track music",
    "stock share",
    "speed velocity",
    "weight mass",
    "height tall high altitude",
    "recipe cook dish",
    "schedule timetable",
    "temperature hot cold",
    "fast quick",
    "rotate turn",
    "average mean",
    "restaurant eatery",
    "greatest highest largest maximum max",
    "lowest smallest minimum min least",
    "history historical past",
    "shop store",
    "old age",
    "compare comparison",
    "mode frequent",
)


def _thesaurus() -> dict[str, str]:
    return {word: line.split()[0] for line in reversed(_MEANINGS) for word in line.split()}


THESAURUS = _thesaurus()

SOURCE_WORDS = _set("from origin source start departure begin initial lower old sender")
TARGET_WORDS = _set("to destination target end arrival goal final upper new recipient receiver")
