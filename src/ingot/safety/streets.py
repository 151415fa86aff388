"""How streets, flats and places are written in addresses, in the languages of Europe and the Americas.

English street words are those of USPS Publication 28, appendix C; the others were compiled by hand.
"""

from __future__ import annotations

from ingot.safety.wordlists import listed

# A word of an address: it begins with a capital or a digit and has no sentence's punctuation in it.
WORD = r"[\p{Lu}0-9][^\s,;:()<>\"!?]{0,30}"
SMALL = (
    r"(?:de|de la|de las|de los|des|du|del|della|dello|dei|da|das|do|dos|di|la|le|les|el|of|the|van|von|der|den|zu|"
    r"zum|zur|af|y|e|et|und|i|na|pod|nad)"
)

ENGLISH = listed(
    "alley ally aly annex arcade avenue ave av bayou beach bend bluff bluffs bottom boulevard blvd branch bridge "
    "brook brooks burg bypass byp "
    "camp canyon cape causeway center centre circle cir circles cliff cliffs close club common commons corner "
    "corners cottages course court "
    "courts ct cove coves creek crescent cres crest crossing crossroad curve dale dam divide drive dr drives "
    "drv end estate estates expressway "
    "expy extension ext fall falls ferry field fields flat flats ford fords forest forge forges fork forks "
    "fort freeway fwy garden gardens gate "
    "gateway glen glens green greens grove groves harbor harbour harbors haven heath heights hts highway hwy "
    "hill hills hollow inlet island islands isle "
    "junction junctions key keys knoll knolls lake lakes landing lane ln light lights loaf lock locks lodge "
    "loop mall manor manors meadow meadows "
    "mews mill mills mission motorway mount mountain mountains neck orchard oval overpass park parks parkway "
    "pkwy parkways pass passage path pike pine pines "
    "place pl plain plains plaza plz point points port ports prairie radial ramp ranch rapid rapids rest ridge "
    "ridges rise river road rd roads route "
    "row run shoal shoals shore shores side skyway spring springs spur spurs square sq squares station "
    "stravenue stream street st str streets "
    "summit terrace ter throughway trace track trafficway trail trl trailer tunnel turnpike tpke underpass "
    "union unions valley valleys viaduct "
    "view views village villages ville vista walk walks wall way ways well wells wynd yard"
)
# Ends of one written word: Kirchstraße, Kerkstraat, Storgatan, Mannerheimintie.
ENDINGS = listed(
    "straße strasse straßen gasse weg platz allee damm ufer chaussee brücke graben stieg pfad promenade twiete "
    "straat laan plein gracht kade dijk singel dreef steenweg "
    "gatan gata gränd stigen vägen väg torget gate vei veien veg vegen plass gaten "
    "vej vejen gade gaden stræde strædet allé plads pladsen torv vænget vænge bakken toften "
    "katu tie polku kuja kaari penger rinne esplanadi vegur stígur braut brekka gerði tänav maantee utca útja"
)
# Words before the street's own name: Rue Victor Hugo, Via Roma, Calle Mayor, ul. Długa.
BEFORE = listed(
    "rue avenue av. ave. boulevard bd bd. blvd place pl. allée allées chemin ch. impasse quai route rte cours "
    "square passage sentier via viale corso piazza piazzale "
    "largo vicolo strada contrada localita località calle c/ cl. avda avda. avenida av paseo plaza pza ronda "
    "camino carrer carretera travesía "
    "rua r. travessa praça praca alameda estrada rodovia largo beco ul. ulica al. aleja aleje os. osiedle pl. "
    "plac náměstí nám. třída tř. ulice trg cesta "
    "str. strada bulevardul bd. calea aleea οδός οδος λεωφόρος λ. λεωφ. ул. улица проспект пр. переулок пер. "
    "бул. бульвар"
)
# Words after the street's own name, apart: Váci utca, Dunajska cesta, Rua is before.
AFTER = listed(
    "straße strasse str. weg platz allee gasse damm ufer ring u. utca út útja tér körút köz ulica ulice ulici "
    "cesta trg sokak sokağı sok. caddesi cad. bulvarı sk. gatvė iela tänav maantee katu tie väg gata vei"
)

UNIT = (
    r"(?:apt|apartment|suite|ste|unit|flat|room|rm|floor|bldg|building|lot|space|spc|slip|pier|hangar|penthouse|dept|"
    r"p\.? ?o\.? ?box|post office box|postfach|postbus|boîte postale|b\.?p\.?|apartado|casilla|caixa postal|"
    r"appartement|"
    r"wohnung|whg|stiege|top|étage|esc|escalier|piso|puerta|portal|interno|scala|lokal|m\.|box)\.? ?#?[0-9]{1,6}[A-Z]?"
)
# American post abroad: a unit and box, or a ship; then APO, FPO or DPO with AA, AE or AP and the ZIP code.
MILITARY = r"(?:psc|cmr|unit)\s[0-9]{1,5},? box [0-9]{1,6}|(?:usns|uss|usnv|usnr)\s[a-z]{3,20}"
MILITARY_PLACE = r"(?:[AFD]PO),? A[AEP] [0-9]{5}"
