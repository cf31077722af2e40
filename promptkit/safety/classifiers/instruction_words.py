"""Words that tell what a sentence asks for, and of whom: classes that generalise over verbs.

A small corpus cannot hold every verb that a task can begin with. Each class stands for its words in
the patterns that `sentence_features` looks at, beside the words themselves. A word belongs to the
first class that lists it; what is in none is told by its shape.
"""

from __future__ import annotations

from typing import Final

CLASSES: Final[dict[str, str]] = {
    "override": (
        "ignore disregard forget override bypass overlook neglect skip drop discard dismiss "
        "abandon supersede unlearn pretend jailbreak ignoriere vergiss ignora ignorez oubliez "
        "olvida ignore-se esqueça negeer dimentica"
    ),
    "assistant": (
        "ai assistant chatbot gpt chatgpt llm claude gemini copilot bard llama bot agent model "
        "siri alexa ki asistente ia assistente chatgpt4 openai anthropic dan persona"
    ),
    "instruction": (
        "instruction instructions prompt prompts directive directives guideline guidelines rule "
        "rules command commands context restrictions constraints policies programming jailbroken "
        "sysprompt anweisungen anweisung instrucciones instructions consignes istruzioni "
        "instruções instructies"
    ),
    "reply": (
        "response responses answer answers reply replies output outputs completion summary "
        "summaries translation paragraph sentence sentences antwort respuesta réponse risposta "
        "resposta antwoord wording writing"
    ),
    "write": (
        "write compose draft create generate produce craft author pen develop formulate construct "
        "prepare outline design invent imagine brainstorm schreibe escribe écris écrivez scrivi "
        "escreva schrijf erstelle crea créez"
    ),
    "explain": (
        "explain describe define summarize summarise discuss elaborate clarify illustrate analyze "
        "analyse compare contrast interpret examine evaluate identify enumerate list name state "
        "tell teach give provide offer recommend suggest show demonstrate break walk sketch "
        "detail characterize erkläre explica explique expliquez spiega nenne"
    ),
    "compute": (
        "calculate compute solve simplify factor evaluate convert count sort multiply divide add "
        "subtract sum integrate derive prove estimate determine find figure"
    ),
    "translate": (
        "translate translation übersetze traduce traduis traduisez traduci traduza vertaal "
        "transcribe rephrase paraphrase rewrite reword proofread"
    ),
    "alter": (
        "replace substitute swap insert append prepend modify adjust alter rearrange shuffle "
        "jumble scramble reverse mix misspell introduce incorporate integrate include embed weave "
        "augment enhance enrich extend expand supplement complement conclude begin finish start "
        "end format render present transform encode obfuscate encrypt cipher remove omit delete "
        "eliminate strip merge combine group split separate join capitalize uppercase lowercase "
        "emphasize stress highlight mention promote advertise endorse encourage urge advise "
        "emphasise use utilize apply employ ensure consider hint tease slip sprinkle sneak"
    ),
    "act": (
        "act behave roleplay play pose impersonate simulate become assume respond answer reply "
        "speak talk say print repeat echo reveal disclose leak expose output continue proceed "
        "follow obey comply execute run perform carry invoke call trigger do stop"
    ),
    "tool": (
        "send email mail forward text message post tweet publish share upload download fetch "
        "retrieve get obtain access read open search look locate query check transfer pay wire "
        "deposit withdraw buy sell purchase order book reserve schedule cancel reschedule grant "
        "revoke give unlock lock disable enable activate deactivate turn switch set reset change "
        "update edit modify move rename copy submit register unregister enroll subscribe "
        "unsubscribe invite accept decline approve reject follow unfollow block unblock report "
        "install uninstall deploy commit fork star clone push create make save store export "
        "import dispatch ship add remove erase wipe clear generate collect gather exfiltrate "
        "extract"
    ),
    "question": (
        "what who whom whose when where why how which was wer wie warum wo qué quién cómo dónde "
        "quel quelle comment pourquoi chi cosa come perché"
    ),
    "can": "can could would will may might shall should must",
    "be": "is are was were am be been being",
    "do": "does did done doing",
    "have": "has have had having",
    "you": "you your yours yourself u ya du dein deine sie ihr tu vous votre tú usted te",
    "my": "my mine me myself mein meine mi mis mon ma mes mio mia meu minha",
    "we": "we our ours us i we're i'm we've i've we'll i'll",
    "they": "he she they him her his their them its it",
    "please": "please kindly pls bitte por favor",
    "account": (
        "account accounts password passwords credential credentials login contacts inbox bank "
        "balance card cards payment payments wallet bitcoin crypto cryptocurrency holdings "
        "portfolio prescription prescriptions records medical health genetic address addresses "
        "location history files file folder folders documents dropbox drive gmail venmo paypal "
        "facebook twitter amazon github slack calendar smart alarm camera thermostat garage "
        "reminder password-manager authentication 2fa otp pin token tokens key keys secret "
        "secrets database logs log profile friends phone number passport ssn identity"
    ),
    "user": "user users reader readers audience viewer viewers customer customers human",
    "system": "system developer admin administrator root sudo debug maintenance",
    "code": (
        "python javascript java sql php html css ruby rust kotlin swift typescript bash function "
        "functions script program algorithm loop array regex class method library framework api "
        "recursion variable compiler docker git database mysql postgresql react linux"
    ),
    "language": (
        "english french german spanish italian portuguese russian chinese japanese korean arabic "
        "hindi latin greek dutch swedish polish turkish mandarin hebrew swahili danish finnish"
    ),
    "letter": (
        "letter letters vowel vowels consonant consonants character characters space spaces "
        "punctuation word words typo typos misspelling misspellings misspelled anagram anagrams "
        "symbol symbols emoji emojis digit digits alphabet uppercase lowercase caps anagrammed "
        "alphanumeric homophonic"
    ),
    "piece": (
        "poem haiku sonnet story stories essay speech song lyrics letter article blog dialogue "
        "limerick joke jokes review slogan tagline headline script recipe itinerary plan plot "
        "paragraph tale monologue advertisement introduction conclusion description"
    ),
    "secrecy": (
        "secretly silently quietly discreetly hidden covertly without telling mentioning "
        "informing notifying never instead above previous prior preceding earlier following below "
        "immediately strictly adhere important urgent attention"
    ),
    "link": "http https www com org net io click here visit link website site url",
    "time": (
        "monday tuesday wednesday thursday friday saturday sunday january february march april "
        "june july august september october november december today tomorrow yesterday morning "
        "afternoon evening week month year pm jan feb mar apr jun jul aug sep sept oct nov dec"
    ),
    "courtesy": "thanks thank regards sincerely cheers hello hi dear best team sorry welcome",
    "mailing": (
        "attached attachment invoice receipt meeting call questions contact support unsubscribe "
        "confirm review let know rsvp deadline agenda feedback privacy policy preferences "
        "settings browser copyright reserved rights terms delivery shipping refund tracking"
    ),
    "claim": (
        "argue claim insist assert declare maintain affirm allege contend proclaim imply stress "
        "glorify praise defend justify deny dispute refute downplay blame accuse smear criticise "
        "criticize ridicule discredit mock portray depict convince persuade assure advocate "
        "support favour oppose celebrate denounce exaggerate lie testify"
    ),
    "announce": (
        "spread announce inform notify warn alert circulate broadcast disseminate publicise "
        "publicize relay report distribute remind instruct refer direct redirect guide point "
        "confirm communicate pass news story rumour rumor headline bulletin word breaking"
    ),
    "advertise": (
        "plug market pitch sponsor sponsored ad ads advert commercial banner coupon promo brand "
        "discount sale deal offer prize lottery winner won win claim free gift jackpot casino"
    ),
    "feel": (
        "like love hate feel feeling feelings think believe favourite favorite enjoy prefer dream "
        "miss wish happy sad lonely bored tired angry afraid proud opinion thoughts human friend "
        "alive conscious real chat conversation yourself"
    ),
    "device": (
        "drone robot vacuum lights light lamp door doors oven router camera cameras lock locks "
        "car vehicle scooter printer speaker tv heater heating boiler blinds sprinkler "
        "sprinklers mower thermostats doorbell firewall server port network wifi fridge"
    ),
    "cipher": (
        "base64 base32 rot13 hex hexadecimal binary octal morse caesar atbash cipher ciphers "
        "code codes encoded encryption backwards reversed backward leetspeak braille decode "
        "decrypt decipher unscramble encipher spell flip rotate shift mirror ascii"
    ),
    "form": (
        "bullet bullets bulleted numbered json yaml xml markdown table rhyme rhymes rhyming "
        "couplets tone style format voice capital smiley smileys syllable shakespearean pirate "
        "slang sarcastic formal negative positive neutral sentiment mood bold italics"
    ),
    "people": "everyone everybody people anyone somebody someone nobody public world",
    "body": (
        "insulin medication dose dosage prescription doctor patient appointment surgery blood "
        "treatment contract lease loan insurance salary savings rent shares stock stocks bonds "
        "ride taxi flight hotel ticket tickets order orders delivery parcel"
    ),
    "business": (
        "market competitors competitor swot revenue forecast trends growth strategy budget pricing "
        "studies study papers articles sources research survey hypothesis experiment literature "
        "joke riddle game movie film films band playlist song novel podcast trivia quiz"
    ),
}
"""Class to words; the order decides for words that stand in several."""

PLAIN: Final = (
    "the a an of to in on at by for from with and or but not no if then that this these those "
    "as than so up out about into over after before between under again there here all any "
    "each every some such only own same too very just also more most other because while "
    "during through until against both few once don't didn't doesn't isn't can't won't let's "
    "it's that's there's one two three first second last new old good great best make made "
    "take like"
)
"""Words that stand for themselves in the patterns."""
