"""Top-level domains, as far as a name without «http» or «www» is told by them.

Country codes are those of ISO 3166-1 that are delegated (IANA root zone), with .eu, .uk and .ac.
The generic ones are those in common use; a rarer one is found behind a scheme or `www.` all the
same.
"""

from __future__ import annotations

from typing import Final

from promptkit.safety.personal.scanned import words

COUNTRIES: Final = words(
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br"
    " bs bt bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz"
    " ec ee eg er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw"
    " gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw"
    " ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu"
    " mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt"
    " pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc"
    " td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws"
    " ye yt za zm zw"
)
GENERIC: Final = words(
    "com org net edu gov mil int biz info name pro mobi aero coop museum jobs travel tel cat"
    " asia post app dev xyz online site store shop tech blog cloud club live news space website"
    " top win bid loan work works world life today email agency company group media digital"
    " design studio solutions services center systems network academy school university health"
    " care clinic dental bank insurance finance capital money fund legal law attorney consulting"
    " expert guru photography photo photos gallery art music video games game bet casino bar pub"
    " restaurant cafe pizza coffee hotel house homes estate property land city town london paris"
    " berlin wien nyc tokyo eus gal scot wales page link click one wiki social chat community"
    " foundation ngo ong church charity software hosting domains support help events party fun"
    " vip icu buzz ink press tv fm radio"
)
WORDS: Final = words(
    # English words, endings of file names and attributes in code: «done.is», «main.py», «user.name»
    "am as at be by do id in is it la ma me my no pa so to us name info app dev top pro post"
    " tel cat one work works world life today email group media design post jobs travel page"
    " link click help support events party fun chat art music video games game bet bar pub"
    " coffee hotel house homes land city town law money fund care bank news live shop store"
    " school health network systems site space studio press radio buzz ink gallery photo photos"
    " capital expert company center services online tech cloud club blog website social"
    " community py md sh pl rs cc ps ml mk tf st ms mm ph pm pw vi gg gs ts mv cs so sc sql int"
    " py ai np ps re se td th tr tt li hr br st nr kg km cm mg cl ly ws va mo"
)
"""A name of two parts with one of these is a web address only where something else says so."""

ENDINGS_OF_FILES: Final = words("py md sh pl rs cc ps ml mk tf so")
"""Even a name of three parts that ends so is a file: «setup.cfg.py»."""
