# ruff: noqa: E501  (lists of phrases read better long)
"""Words that English names of places, zones and routes are put together from."""

from __future__ import annotations


def _words(block: str) -> list[str]:
    return [word for word in (part.strip() for line in block.splitlines() for part in line.split("|")) if word]


PLACES = _words("""
dock|bay|gate|shed|barn|tank|bench|workbench|pallet|shelf|shelves|rack|racks|door|elevator|lift|charger|station|warehouse|storage|kitchen|office|lobby|entrance|exit|corner|aisle|conveyor|line|machine|lathe|press
oven|booth|desk|table|cabinet|locker|stairs|ramp|bridge|pump|valve|well|silo|greenhouse|garage|workshop|hangar|crane|container|weighbridge|checkpoint|tower|antenna|mast|pole|bin|skip|scaffold|trench|pit|borehole
substation|transformer|boiler|reactor|vat|mixer|packer|sorter|palletizer|wrapper|cart|trolley|crib|cooler|freezer|lab|reception|canteen|toilet|sink|tap|hydrant|fountain|statue|tree|oak|creek|fence|wall|arch|stile
hedge|nursery|stable|beehive|moon|mars|castle|airport|beach|museum|supermarket|pharmacy|harbour|platform|runway|tunnel|shaft|dam|sluice|culvert|manhole|kiosk|turnstile|balcony|barrel|crate|box|hopper|bunker|cell
stop|drop|junction|crossroads|roundabout|depot|lodge|cabin|hut|tent|marquee|gazebo|porch|veranda|patio|cellar|attic|loft|vault|safe|counter|till|checkout|cafe|bar|bakery|bookshop|gym|sauna|clinic|ward|theatre|chapel
altar|archive|library|studio|stage|foyer|atrium|cloakroom|laundry|pantry|larder|mill|kiln|furnace|forge|anvil|chimney|stack|flare|scrubber|compressor|generator|turbine|gearbox|manifold|header|skid|separator|heater
chiller|condenser|evaporator|radiator|fan|filter|meter|gauge|scale|sensor|camera|beacon|marker|cone|post|bollard|barrier|sign|lamp|lantern|spotlight|clock|bell|siren|flagpole|monument|windmill|water wheel|jetty|pier
quay|berth|slipway|boathouse|lock|weir|buoy|lighthouse|quarry|mine|adit|spoil heap|stockpile|hay bale|bale stack|trough|feeder|milking parlour|sheepfold|pigsty|kennel|aviary|hatchery|apiary|trellis|pergola|arbour
sandbox|swing|slide|seesaw|goalpost|scoreboard|grandstand|dugout|locker room|pool|diving board|bus stop|tram stop|taxi rank|bike rack|car wash|petrol pump|air line|tyre bay|lube bay|test cell|clean room|airlock
meter box|fuse box|switchboard|server|printer|scanner|router cabinet|copier|whiteboard|sofa|fridge|dishwasher|stove|bathtub|wardrobe|bookcase|piano|fireplace|window|letterbox|doormat|stairwell|landing|drill|saw|sander
robot arm|welder|plotter|laser cutter|milling machine|anodising tank|degreaser|blast cabinet|coil store|kitting area|supermarket rack|flow rack|milk crate|cold room|dry store|spice rack|wine cellar|tasting room
incinerator|compactor|baler|shredder|hazmat store|eyewash|safety shower|first aid post|assembly point|fire point|hose reel|extinguisher|emergency exit|fire door|panic room|security desk|customs|passport control
baggage belt|carousel|jet bridge|fuel farm|de-icing pad|helipad|apron light|windsock|drop zone|pick-up point|set-down|turntable|signal box|buffer stop|wash plant|sand pit|salt dome|grit bin|lumber pile|log deck|sawmill
step|minute desk|second hand shop|yard stick|foot bath|hour glass|patrol hut|guard post|follow spot|wait room|waiting room|park bench|cover sheet rack|charging cabinet|charging station|charging pad|power outlet|docking cradle
left luggage|front desk|back office|front porch|back door|right bank|left bank|north face|behind-the-bar store|overflow|underpass|overpass|halfway house|dead end|turning circle|look-out|viewpoint|rest area|break room
chicken coop|compost heap|fuel station|tool crib|tool store|paint booth|spray booth|packing shed|quality desk|inspection desk|assembly line|power post|water tower|pump house|control room|goods lift|delivery entrance
repair bench|test stand|mail room|guard house|weather mast|north pole|swimming pool|train station|coffee machine|vending machine|post office|conference room|shipping area|receiving area|drying room|hay store|field entrance
edge of the forest|foot of the hill|end of the corridor|top of the ramp|back of the yard|head of the row|mouth of the tunnel|bottom of the stairs|far end of the hall|start of row nine|end of line two|top of the slope
nurse station|x-ray room|blood bank|delivery room|operating theatre|linen room|isolation room|bedside|dispensary|morgue|lecture hall|dean's office|print shop|soldering station|rework desk|burn-in rack|kanban board""")
ADJECTIVES = _words("""red|blue|green|yellow|white|black|orange|grey|old|new|big|small|north|south|east|west|upper|lower|inner|outer|front|rear|main|second|third|first|left|right|central|wooden|steel|round|tall|empty|spare|broken
painted|covered|open|closed|heavy|light|cold|hot|wet|dry|emergency|temporary|final|incoming|outgoing|customer|staff|visitor|purple|pink|brown|silver|golden|rusty|dusty|shiny|short|long|wide|narrow|shallow|deep|flat|steep
northern|southern|eastern|western|northwest|southeast|far|near|middle|back|side|top|bottom|underground|rooftop|indoor|outdoor|public|private|staff-only|free|busy|quiet|noisy|plastic|glass|concrete|brick|stone|copper
electric|diesel|solar|hydraulic|manual|automatic|mobile|fixed|primary|secondary|auxiliary|backup|reserve|stand-by|morning|night|winter|summer|double|twin|triple|half|quarter|express|slow|fast|safe|forbidden|restricted
fourth|fifth|last|next|other-side|corner|roadside|lakeside|hillside|damaged|unused|locked|unlocked|finished|raw|organic|chemical|medical|frozen|fresh|returned|oversize|fragile|seasonal|leaky|crooked|tiny|giant""")
AREAS = _words("""field|meadow|lawn|plot|paddock|orchard|vineyard|floor|hall|yard|area|zone|terrace|bed|block|sector|strip|pasture|garden|park|court|lot|deck|room|apron|rows|pond|marsh|crossing|walkway|excavation|canal|ditch|compound
square|plaza|green|common|clearing|grove|wood|forest|thicket|scrub|heath|moor|bog|swamp|reed bed|creek bed|flood plain|dune|beach|slope|bank|embankment|verge|median|shoulder|lane|alley|passage|corridor|gallery|arcade|wing|aisle
section|segment|parcel|field strip|allotment|polytunnel|glasshouse|hop garden|olive grove|almond rows|citrus block|berry patch|pumpkin patch|maize field|barley field|soy field|rape field|hay field|stubble|fallow|headland
pitch|track|fairway|putting green|bunker|rink|arena|ring|playground|schoolyard|campus|churchyard|cemetery|courtyard|forecourt|driveway|car park|bus lane|taxiway|runway strip|quay|container yard|rail yard|scrap yard|timber yard
mezzanine|basement|lobby floor|ward|canteen|gym floor|ballroom|showroom|stockroom|cold store|battery room|cell|work cell|cage|pen|run|coop yard|feedlot|dairy floor|barn floor|stable yard|tank farm|pipe rack|switchyard
rice field|wheat field|apple rows|pear orchard|tea field|flower bed|seedling bed|welding cell|danger zone|storage area|packing area|main floor|hall floor|parking area|playing field|fire lane|construction site|restricted area
school yard|cable trench|nursery bed|loading bay|robot cell|pedestrian walkway|wet area|blue zone|test track|no-go zone|keep-out area|blast area|crane radius|forklift lane|crosswalk|picnic area|dog run|smoking area|muddy patch""")
ROUTES = _words("""round|patrol round|patrol route|night round|security round|perimeter|perimeter loop|fence walk|outer loop|inner loop|inspection route|inspection tour|morning round|delivery loop|route|circuit|loop|ring road|guard tour|watch
boundary path|border walk|warehouse loop|evening patrol|track|long way round|safety walk|figure eight|milk run|beat|tour|walk|trail|path|fence line|hedge line|wall walk|roof tour|basement round|pipeline|pipeline run|river path|canal path
dike road|levee walk|ridge trail|coast path|forest trail|orchard path|row loop|field margin|headland loop|stock round|feed run|parts run|kitting loop|supply run|mail run|linen run|meal round|medicine round|ward round|lobby loop|mall lap
museum tour|campus loop|parking patrol|gate round|fire watch|fire watch round|meter reading tour|valve tour|compressor round|tank farm loop|shift walk|handover walk|short loop|quick lap|weekend round|holiday patrol|school run|bus loop|plant tour""")
PEOPLE = _words("Tanaka|Sato|Suzuki|Miller|Anna|Bob|Yamada|Kim|Garcia|Olsen|Ito|Maria|Chen|Weber|Kobayashi|Patel|Rosa|Ahmed|Jack|Nguyen|Svensson|Igor|Fatima|Smith|O'Brien|Lopez|Hans|Yuki|Priya|Mehmet|Dubois|Rossi|Silva|Grandma|Grandpa|Uncle Joe|Mrs Hill|Mr Brown|Dr Wu")
LABELS = _words("Alpha|Bravo|Charlie|Delta|Echo|Foxtrot|Omega|Sigma|Zulu|Tango|Kilo|Lima|Mike|Nova|Orion|Atlas|Apollo|Titan|Phoenix|Falcon|Eagle|Otter|Maple|Cedar|Willow|Birch|Lotus|Sakura|Fuji|Everest|Nile|Thames|Oslo|Lyon|Kyoto|Texas")
COUNTED = _words("one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve")
