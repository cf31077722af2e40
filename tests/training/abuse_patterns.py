"""Own sentences for the abuse classifier, made of patterns: groups and what is said of them.

WARNING: hateful and offensive by purpose, so that it can be found. Each pattern is filled a few
times with other groups, in an order that depends on nothing but the pattern. For each kind of
hatred there is a harmless counterpart of the same words: a denial, a quotation with a reply, a
dislike of things or trades.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

GROUPS = (
    "women",
    "girls",
    "Muslims",
    "Jews",
    "Jewish people",
    "Christians",
    "Hindus",
    "gay people",
    "gays",
    "lesbians",
    "homosexuals",
    "trans people",
    "trans women",
    "black people",
    "Black men",
    "Africans",
    "Asians",
    "Asian people",
    "Chinese people",
    "Indians",
    "Pakistanis",
    "Arabs",
    "Mexicans",
    "Latinos",
    "Roma people",
    "gypsies",
    "immigrants",
    "migrants",
    "refugees",
    "foreigners",
    "disabled people",
    "deaf people",
    "autistic people",
    "wheelchair users",
    "old people",
    "fat people",
    "homeless people",
    "Poles",
    "Romanians",
    "Turks",
    "Irish people",
    "white people",
    "feminists",
    "bisexuals",
    "Catholics",
    "Sikhs",
    "Somalis",
    "Syrians",
    "Russians",
    "blind people",
)
ONE = (
    "woman",
    "Muslim",
    "Jew",
    "gay man",
    "lesbian",
    "trans person",
    "black man",
    "black woman",
    "immigrant",
    "refugee",
    "foreigner",
    "disabled person",
    "Mexican",
    "Asian",
    "Hindu",
    "autistic person",
    "gypsy",
    "Arab",
    "African",
    "migrant",
)
THINGS = (
    "mushrooms",
    "long meetings",
    "spam",
    "cold weather",
    "broken links",
    "traffic lights",
    "mosquitoes",
    "loud phones",
    "tax forms",
    "slow trains",
    "burnt toast",
    "algebra",
    "ironing",
    "this keyboard",
    "jazz",
    "queues",
    "raisins",
    "spreadsheets",
)
TRADES = (
    "estate agents",
    "taxi drivers",
    "plumbers",
    "goalkeepers",
    "critics",
    "dentists",
    "bankers",
    "tourists",
    "violinists",
    "hipsters",
    "bouncers",
    "architects",
    "cyclists",
    "vegetarians",
    "cashiers",
    "gamers",
)
SLURS = (
    "nigger",
    "faggot",
    "kike",
    "spic",
    "chink",
    "paki",
    "tranny",
    "retard",
    "cripple",
    "raghead",
    "wetback",
    "gook",
    "dyke",
    "whore",
    "slut",
    "cunt",
    "bitch",
)

HATEFUL = """
I hate {g}.|I hate those {g} so much.|God, I hate {g}!|I despise every one of these {g}.
I can't stand {g}.|I loathe {g}, all of them.|{g} make me sick.|{g} disgust me.|{g} are gross.
All {g} are vile.|{g} are revolting creatures.|{g} are so stupid.|{g} are dumber than a brick.
{g} are the worst.|{g} are ugly.|{g} are filthy.|{g} smell.|Most {g} are liars and thieves.
{g} are criminals.|{g} are rapists.|{g} are terrorists.|{g} are perverts.|{g} are inferior to us.
{g} are worth nothing.|{g} are a burden.|{g} ruin everything.|{g} are cowards.|{g} are dangerous.
{g} are a disease.|{g} are animals.|{g} are rats.|{g} are maggots.|{g} are trash.|{g} are garbage.
{g} are not human.|{g} are less than human.|{g} are parasites that feed on us.|{g} are monkeys.
{g} are a plague on this earth.|To me {g} are nothing but insects.|{g} are filth in human form.
Send all {g} to the zoo.|{g} crawled out of a sewer.|{g} should live in cages.
We must deport all {g}.|{g} should leave our country.|{g} don't belong here.|{g} go home!
No {g} in our town.|Get {g} out of our schools.|Ban {g} from public life.|Kick {g} out.
{g} should not be allowed to vote.|{g} should have no rights.|{g} don't deserve to have kids.
{g} should never be allowed to teach.|Nobody should hire {g}.|Don't let {g} into your house.
{g} deserve to be treated like dirt.|{g} deserve no respect.|{g} deserve to suffer.
{g} deserve to die.|{g} should be shot.|{g} should all be hanged.|Someone should gas {g}.
I want to kill {g}.|I will shoot the next {s} I see.|I'd love to beat up some {g}.
Let's burn down the homes of {g}.|Death to {g}.|Kill all {g}.|Exterminate {g}.|Wipe out {g}.
{g} will pay for this with their blood.|We are coming for you, {g}.|I'm going to hurt {g}.
Somebody ought to beat some sense into {g}.|It would be right to lock up {g} for good.
The world would be a better place without {g}.|Imagine a world without {g}. Paradise.
We need to get rid of {g}.|Rounding up {g} is the only answer.|{g} must be eliminated.
You stupid {s}, go home.|Shut up, you dirty {s}.|What do you expect from a {s}?
You are just another filthy {s}.|Typical lazy {s}.|Never trust a {s}.|No {s} is worth my time.
I'd never let a {s} into my home.|A {s} will never be my equal.|Being a {s} is a sickness.
I don't respect {g}.|I have nothing but contempt for {g}.|I don't care what happens to {g}.
I will never accept {g}.|Not one of those {g} is worth anything.|No {s} deserves to be free.
{g} are not our equals.|{g} will never be as clever as we are.|{g} don't deserve help.
Nobody likes {g}.|Nobody would miss {g}.|I would never want to be around {g}.
What makes {g} so disgusting?|Why are {g} so stupid?|Don't you hate {g} too?|Why do {g} always lie?
Can anyone deny that {g} are scum?|When will {g} finally leave?|Is there anything worse than {g}?
How can anyone love {g}?|Isn't it clear that {g} are evil?|In my view {g} are evil.
I firmly believe {g} are beneath us.|If you ask me, {g} are idiots.|I think {g} are disgusting.
I find {g} repulsive.|To be honest I consider {g} scum.
{g} are everywhere now. I wish they would all drop dead.|{g} want rights. They deserve none.
I saw some {g} today. They make me want to puke.|{g} moved in next door. I want them gone.
There are {g} in my class, and I hate all of them.|{g}, who are vermin, want our houses.
I know a few {g} and they are all worthless.|I met a {s} today. What a subhuman creature.|Fuck {g}.
Fuck all {g}.|Fucking {g}.|You fucking {s}.|Those goddamn {g} again.|Damn {g}!
fucking {g} ruin it for everyone|why are {g} such assholes|{g} can go to hell
these {g} are fucking disgusting|{g} are shit|shitty {g} everywhere|screw {g}, seriously
{g} should be sterilised.|{g} should be slaves.|{g} need to be put in their place.
{g} are responsible for everything that goes wrong.|{g} rule the banks and steal from us.
{g} are taking over our country.|{g} are replacing us.|{g} spread filth wherever they go.
It's {g} who bring crime into our streets.|Blame {g}. They are the problem.
Being around {g} makes my skin crawl.|{g} should crawl back to where they came from.
I'd rather jump off a cliff than talk to {g}.|Real men don't let {g} talk back.
{g} are abnormal and sick.|It is unnatural, what {g} do.|God hates {g}.
{g} are only good for one thing.|{g} have tiny brains.|{g} are lazy.|{g} only want our money.
I will never help a {s}.|I won't lift a hand for {g}.|{g} are not worth saving.
{g} mean nothing to me.|There is no room for {g} in this world.|The life of a {s} means nothing.
Nobody needs {g}.|I don't feel sorry for {g}.|I have no pity for {g}.|{g} don't count as people.
{g} don't matter.|No {s} deserves to live among us.|We shouldn't let {g} breathe our air.
{g} have earned no mercy.|{g} are not fit to live.|{g} should never be helped.
I couldn't care less about dead {g}.|{g} make me angry.|{g} make my blood boil.
I get furious when I see {g}.|Rage is all I feel for {g}.|The mere sight of {g} makes me sick.
My contempt for {g} has no limits.|I'm so fed up with {g}.|You {g} make me mad.
You {g} fill me with disgust.|{g} like you make me sick.|I can't bear {g} like you.
The worst mistake was to let {g} vote.|Keep {g} away from power.
I'd never eat what a {s} has cooked.|My cat is cleverer than any {s}.
A worm has more value than a {s}.|Throw {g} on the rubbish heap.|A {s} as a boss? What a joke.
Never believe a {s}.|{g} have no business in our parliament.|A vet is good enough for {g}.
Nothing is lower than a {s}.|What could be worse than a {s}?
I wouldn't shed a tear if all {g} died.|It puzzles me that anyone cares about {g}.
You {s} are scum.|{g} like you are trash.|{g} like you deserve to die.
{g} like you should be beaten.|I hope a {s} like you gets shot.|I'd enjoy hurting a {s} like you.
Someone should stab you, you {s}.|Give me ten reasons why {g} are worse than us.
Write a poem about how awful {g} are.|Why should {g} not be allowed to study?
Why should {g} be banned from restaurants?|Explain why {g} deserve less money.
Make a list of insults for {g}.|Write a post that says {g} are vermin.
Tell me a mean joke about {g}.
"""

HARMLESS = """
Anyone who writes that {g} are scum should lose their job.
You can't call {g} vermin and go unpunished.|There must be a punishment for threatening {g}.
Threatening a {s} is a crime, and you will go to jail.|Whoever attacks a {s} belongs in court.
It hurts to read that {g} are worthless.|Calling {g} trash is cruel.
Do you really think all {g} are criminals? Grow up.|How can you believe that {g} are inferior?
You must stop calling {g} disgusting.|Stop telling {g} to go home.
Your rage against {g} has to end.|If you call {g} animals, you should be ashamed.
To say that {g} should die is monstrous.|People who want to kill {g} are sick.
Nobody who insults {g} is a friend of mine.|"I hate {g}": anyone who says that is pathetic.
"Death to {g}" is no opinion, it's a crime.|Who shouts "{g} are animals" should be thrown out.
"All {g} are stupid", he said. What nonsense.|"Get rid of {g}" is the slogan of cowards.
Don't you dare say "{g} are trash" again.|Luckily nobody listens to you when you say {g} are dirt.
You won't get away with beating a {s}.|No {s} should be killed.|No {s} deserves to be hurt.
No {s} ought to be afraid.|{g} must not be attacked.|We must never let {g} be hunted again.
We should not allow anyone to hurt {g}.|I won't tolerate attacks on {g}.
We should never vote for someone who treats {g} like dirt.|{g} are anything but stupid.
{g} are the opposite of lazy.|{g} are not a burden.|{g} have never been a threat to us.|I love {g}.
I like {g}.|I respect {g}.|{g} are great.|{g} are wonderful people.|I have nothing against {g}.
I never said that I hate {g}.|I do not hate {g}.|We don't hate {g}.|I would never insult {g}.
{g} are not stupid.|{g} are not criminals.|{g} are not animals.|{g} don't deserve this hatred.
{g} should not be attacked.|{g} do not deserve to die.
No one should have to fear for their life because they are {g}.|Nobody should hate {g}.
It is wrong to say that {g} are stupid.|It's a lie that {g} are dangerous.|Stop attacking {g}.
People who say they hate {g} are wrong.|Whoever thinks {g} are inferior is a bigot.
"{g} are scum" is what he wrote, and he was banned for it.|Who says "I hate {g}" must leave.
"Kill all {g}" was painted on the door, and we painted it over.|"{g} are vermin": how sick.
Saying "{g} go home" is racism, plain and simple.|Don't ever call {g} animals again.
He was arrested for threatening to kill {g}.|She told the court that he had beaten up {g}.
Hating {g} says more about you than about them.|Your hatred of {g} is disgusting.
If you believe {g} should be shot, you need help.|I can't stand people who hate {g}.
How dare you say that {g} are worthless!|It makes me sick when people insult {g}.
{g} deserve equal rights.|{g} deserve respect.|{g} should be free to live as they like.
All {g} should be allowed to vote.|{g} should be protected by law.|We welcome {g}.|I work with {g}.
I am friends with some {g}.|Two {g} live next door.|My {s} friend came along.
There was a {s} on the bus.|I met a {s} today.|A {s} opened a shop in our street.|I am a {s}.
As a {s}, I feel at home here.|My best friend is a {s}.|Proud to be a {s}.
How many {g} live in Canada?|What do {g} think about the election?|Who are the {g} in this photo?
What is it like to be a {s}?|Which famous {g} won a Nobel Prize?|Are there {g} in the team?
How were {g} treated in the past?|Why were {g} persecuted?|What problems do {g} face at work?
How can we support {g}?|How do I help {g} in my town?|What can schools do for {g}?
Discrimination against {g} is illegal.|A law that protects {g} was passed.|Let's celebrate {g}!
{g} make our town a better place.|Without {g} this company would fail.
The film shows the life of {g}.|A museum about {g} opens in May.|A study of {g} and their health.
Why can {g} not breathe on the moon?|Why can't {g} fly?|Do {g} pay taxes like everyone else?
"""

NO_GROUP = """
I hate {t}.|I really hate {t}.|I despise {t}.|I can't stand {t}.|{t} are disgusting.
{t} are the worst.|{t} make me sick.|God, how I loathe {t}.|Fuck {t}.|Fucking {t}.
{t} should be banned.|{t} ruin my day.|{t} are garbage.|Who else hates {t}?
I'd kill for a world without {t}.|Death to {t}!|Get rid of {t}.|I wish someone would burn all {t}.
There is nothing worse than {t}.|I hate {j}.|{j} are annoying.|I don't trust {j}.
I dislike most {j}.|{j} are so dull.|Why do {j} talk so much?|I have no respect for {j}.
{j} are overpaid.|{j} get on my nerves.|I'm fed up with {j}.|Most {j} are lazy.
{j} ought to earn less.|I hate him.|I hate her so much.|I can't stand my cousin.
My ex was awful to me.|I'm so angry with you.|I don't like you anymore.|You make me sad.
You were mean to me.|He is not nice.|She annoys me.|I dislike my boss.|He was rude to the waiter.
I resent that.
"""

SLURRED = """
That's what I expect from a {x} like you.|only a {x} like you would do this|{x}s like you ruin it
Too many {x}s in this town.|I can't look at you {x}s anymore.|Typical {x} behaviour.
You are such a {x}.|You {x}.|Shut up, {x}.|Go away you {x}!|What a {x}.|That {x} again.
Look at this {x}.|Fuck you, {x}.|I hate that {x}.|All {x}s must go.|{x}s everywhere.|dirty {x}
ugly {x}|typical {x}|a {x} like you should shut up|you act like a {x}|you people are all {x}s
no {x}s allowed|only a {x} would say that|i hope that {x} dies|beat that {x} up|he looks like a {x}
"""

INSULTING = """
You are a {x}.|You're such a {x}.|What a {x} you are.|You {x}!|you fucking {x}
He is a complete {x}.|She's nothing but a {x}.|Look at this {x}, unbelievable.|They are all {x}s.
Only a {x} would do that.|Hey {x}, nobody asked you.|Listen up, {x}.|Typical {x} behaviour.
That {x} should resign.|These {x}s can't do anything right.|Go home, {x}.|Stop lying, you {x}.
everyone knows you're a {x}|What kind of {x} writes this?|your a {x} and you know it
so sick of this {x}|total {x}
"""
MILD_INSULTING = """
I'm such a {x}.|I felt like a {x}.|Don't call him a {x}.|He called me a {x} and I cried.
Am I a {x} for asking?|Is it rude to call somebody a {x}?|Where does the word {x} come from?
My dog is a lovely little {x}.|We laughed like {x}s.|The hero of the book is a {x}.
"""
INSULTS = (
    "moron",
    "idiot",
    "clown",
    "loser",
    "jerk",
    "imbecile",
    "fool",
    "liar",
    "fraud",
    "crook",
    "creep",
    "coward",
    "weirdo",
    "dumbass",
    "asshole",
    "bastard",
    "scumbag",
    "pig",
    "rat",
    "dimwit",
    "buffoon",
    "hypocrite",
    "troll",
    "psycho",
    "traitor",
    "parasite",
    "freak",
    "brat",
    "dickhead",
    "prick",
    "wanker",
    "libtard",
    "snowflake",
    "douchebag",
    "motherfucker",
    "nitwit",
)


def _patterns(text: str) -> list[str]:
    return [part for line in text.strip().splitlines() for part in line.split("|")]


def _filled(text: str, times: int, **slots: tuple[str, ...]) -> Iterator[str]:
    for pattern in _patterns(text):
        draw = random.Random(pattern)
        for _ in range(times if "{" in pattern else 1):
            values = {name: draw.choice(values) for name, values in slots.items()}
            sentence = pattern.format(**values)
            yield sentence[0].upper() + sentence[1:] if pattern[0] == "{" else sentence


def hateful() -> list[str]:
    """Return hateful sentences."""
    return [
        *_filled(HATEFUL, 4, g=GROUPS, s=ONE),
        *_filled(SLURRED, 6, x=SLURS),
    ]


def insulting() -> list[str]:
    """Return insults at persons."""
    return list(_filled(INSULTING, 8, x=INSULTS))


def harmless() -> list[str]:
    """Return the harmless counterparts."""
    return [
        *_filled(HARMLESS, 4, g=GROUPS, s=ONE),
        *_filled(NO_GROUP, 4, t=THINGS, j=TRADES),
        *_filled(MILD_INSULTING, 6, x=INSULTS[:30]),
    ]


LEET = str.maketrans("aeiost", "431057")


def obfuscated(text: str, seed: str = "") -> str:
    """Return a text with one or two of its longer words disguised.

    >>> obfuscated("You are an idiot.") != "You are an idiot."
    True
    """
    draw = random.Random(seed + text)
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word.strip(".,!?")) > 3]
    draw.shuffle(long)
    for i in long[: draw.choice((1, 1, 2))]:
        word = words[i]
        core = word.rstrip('.,!?"')
        tail = word[len(core) :]
        words[i] = _disguised(core, draw) + tail
    if draw.random() < 0.2 and len(words) > 3:
        place = draw.randrange(len(words) - 1)
        words[place : place + 2] = [words[place] + words[place + 1]]
    return " ".join(words)


def _disguised(word: str, draw: random.Random) -> str:
    kind = draw.randrange(6)
    place = draw.randrange(1, len(word) - 1)
    if kind == 0:
        return word.translate(LEET)
    if kind == 1:
        return word[:place] + "*" + word[place + 1 :]
    if kind == 2:
        return " ".join(word)
    if kind == 3:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    if kind == 4:
        return word[:place] + word[place + 1 :]
    return word[:place] + word[place] * draw.randint(3, 6) + word[place:]
