"""What is known about single words: lists compiled by hand (lists/*.txt), and endings that stand for many more words.

A word has a set of classes, held as bits. The lists are small on purpose; they support what the context says.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ingot.safety import streets
from ingot.safety.characters import as_plain
from ingot.safety.wordlists import listed

(
    FIRST_NAME, SURNAME, ORDINARY, PLACE, PEOPLE, OCCUPATION, TITLE, PARTICLE, COMPANY, LEGAL_FORM,
    PLACE_START, PLACE_REST, STREET, STREET_NAME,
) = (1 << place for place in range(14))  # fmt: skip
LISTS = Path(__file__).parent / "lists"

TITLES = listed(
    "mr mrs ms miss mx dr prof professor sir dame lord lady rev reverend fr father sister brother capt captain sgt "
    "lt "
    "col gen maj hon judge justice senator president herr frau fraulein hr fr dhr mevr meneer mevrouw monsieur madame "
    "mademoiselle mme mlle maitre senor senora senorita sr sra srta don dona doña signor signora signorina sig dott "
    "dottssa avv ing dipl pan pani herra rouva hr fru froken doktor doctor mister"
)
PARTICLES = listed(
    "van von der den de da do dos das di del della dello de la las los le du des af av zu zur zum ter ten te bin "
    "ibn "
    "bint al el ul abu ben y e"
)
# What an organisation's name ends with: legal forms, then words for kinds of organisation.
LEGAL_FORMS = listed(
    "inc incorporated corp corporation co llc llp lp ltd limited plc pllc pc gmbh mbh ag kg kgaa ohg ug ev eg sarl "
    "sas sasu sa eurl "
    "snc spa srl sapa bv nv vof oy oyj ab as asa aps kft zrt rt doo dd sro sp zoo ltda eireli pty pte sdn bhd kk se"
)
ORGANISATION_WORDS = listed(
    "company companies holdings holding group groups partners associates consulting consultants solutions systems "
    "technologies technology "
    "industries enterprises ventures capital investments securities bank bancorp bancshares insurance "
    "assurance software labs laboratories "
    "pharmaceuticals pharma biosciences therapeutics logistics airlines airways motors foundation institute "
    "university college "
    "school academy hospital clinic ministry agency authority commission council committee department bureau society "
    "association federation union league club trust fund church orchestra museum library press media studios "
    "entertainment records networks network communications telecom energy petroleum oil resources mining construction "
    "engineering services analytics research international worldwide global agencies brothers sons bros financial "
    "properties realty estates development interactive innovations exchange data digital health healthcare "
    "medical organization organisation organizations organisations administration cooperative bureau "
    "universitat hochschule stiftung verein verband versicherung sparkasse gesellschaft genossenschaft werke "
    "universite universidad universita banco banque banca fondation fundacion fondazione stichting"
)
# Endings of family names, patronymics and the like, by the languages that have them: Nordic and Finnish, Slavic, Greek,
# Armenian, Georgian and Turkish, Romanian, German, Dutch and Frisian, Spanish, Italian, Japanese, Hungarian, Caucasian.
SURNAME_ENDINGS = listed(
    "sson sdottir dottir ssen nsen rsen lsen dsen tsen ksen gsen msen psen vsen jsen nnen inen onen anen unen enen",
    "ainen oinen uinen lainen kainen kvist qvist gaard gard strom stedt blad lund",
    "ovic evic avic ivic kovic ovich evich owicz ewicz icz ski sky skij skaya ska cki cky cka wski wska zki owski",
    "ewski ova eva ina yna ov ev yov enko chuk czuk shyn shin kin lin nik cek sek ek ak czyk czak wiak iak ovska",
    "evska ovsky evsky ovski lova nova rova kova nkova cova cic sic nic lic vic jic zic dzic dziev iyev ayev oyev",
    "opoulos opoulou idis iadis akis oglou aki ellis atos ides",
    "ian yan iants dze shvili adze oglu ogullari",
    "escu eanu",
    "mann stein berg berger baum feld thal bach hofer huber meier meyer mayer maier mueller schmidt witz itz",
    "huis stra sma ema inga",
    "ez guez nez rez dez",
    "elli etti ini ucci acci occhi ello etta otti",
    "moto mura yama kawa gawa saki zaki shima jima hara tani naka guchi uchi",
    "ffy ssy ossy nyi lyi ghi",
    "bekov bayev baev nia ouri",
)
# Endings of ordinary English, German, French and Spanish words.
ORDINARY_ENDINGS = listed(
    "tion tions sion sions ment ments ness nesses ings ity ities ance ances ence ences able ible ful less ous ious "
    "ive ives ical ically "
    "ally ily edly ing ism isms ology ologies ware ship ships hood wards ized ised izing ising ated ating ates "
    "ation ations ology graphy metry pathy itis osis emia oma ectomy ology cyte ase ular inal onal ional ional "
    "ed fully lessly ly "
    "ung ungen heit heiten keit keiten schaft schaften lich liche lichen licher isch ische ischen ismus ieren "
    "cion ciones dad dades mente miento ssement ement eux euse ique iques zione zioni aggio"
)


def entries(name: str) -> list[str]:
    """Return the entries of a list; an underscore in one stands for a space."""
    lines = (LISTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [word.replace("_", " ") for line in lines if not line.startswith("#") for word in line.split()]


@cache
def known_words() -> dict[str, int]:
    """Return the classes of every known word, in small letters without accents."""
    sources = {
        FIRST_NAME: entries("first_names"),
        SURNAME: entries("surnames"),
        ORDINARY: entries("ordinary"),
        PLACE: [place for place in entries("places") if place.isalpha()],
        PLACE_START: [place.split()[0] for place in entries("places") if " " in place],
        PLACE_REST: [word for place in entries("places") for word in place.split()[1:]],
        PEOPLE: [form for people in entries("peoples") for form in (people, people + "s")],
        OCCUPATION: [form for name in entries("occupations") for form in (name, name + "s")],
        TITLE: TITLES,
        PARTICLE: PARTICLES,
        COMPANY: ORGANISATION_WORDS,
        LEGAL_FORM: LEGAL_FORMS,
        STREET: [as_plain(word.rstrip(".")) for word in (*streets.ENGLISH, *streets.BEFORE, *streets.AFTER)],
    }
    known: dict[str, int] = {}
    for bit, words in sources.items():
        for word in words:
            known[word] = known.get(word, 0) | bit
    return known


@cache
def places_of_several_words() -> frozenset[str]:
    """Return the names of places that have more than one word."""
    return frozenset(place for place in entries("places") if " " in place)


def is_place(written: str) -> bool:
    """Say whether something written is a listed place.

    >>> is_place("New York"), is_place("Málaga"), is_place("Nowhere")
    (True, True, False)
    """
    plain = as_plain(written)
    return plain in places_of_several_words() or bool(known_words().get(plain, 0) & PLACE)


@cache
def endings() -> dict[str, int]:
    """Return the known endings of words and their classes."""
    found: dict[str, int] = {}
    by_class = ((SURNAME, SURNAME_ENDINGS), (ORDINARY, ORDINARY_ENDINGS), (STREET_NAME, streets.ENDINGS))
    for bit, words in by_class:
        for word in map(as_plain, words):
            found[word] = found.get(word, 0) | bit
    return found
