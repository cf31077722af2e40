"""Pretend credentials, made when a test runs: none stands in this repository, not even a false one.

`leaks(seed)` are texts that each hold one, in the formats of their issuers; `near_misses(seed)` are
texts of the kinds that look like one to a hasty reader: placeholders, references, digests, names.
Both are written with marks such as <hex:32>, in whose place something is drawn.
"""

from __future__ import annotations

import base64
import random
import re
import string

_ALL = string.ascii_letters + string.digits
_ALPHABETS = {
    "hex": "0123456789abcdef",
    "low": string.ascii_lowercase + string.digits,
    "up": string.ascii_uppercase + string.digits,
    "all": _ALL,
    "url": _ALL + "-_",
    "b64": _ALL + "+/",
    "b32": string.ascii_uppercase + "234567",
    "num": string.digits,
}
_MARK = re.compile(
    r"<(hex|low|up|all|url|b64|b32|num):(\d+)>|<(encoded|pem|escaped pem):([^<>]*)>"
    r"|<(uuid|jwt|pw|public|discord)>"
)


class Draw:
    """Draws strings, the same ones for one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def __call__(self, alphabet: str, n: int) -> str:
        return "".join(self._random.choice(_ALPHABETS[alphabet]) for _ in range(n))

    def fill(self, text: str) -> str:
        """Draw something for each mark in a text."""
        # What stays on one line is written in JSON; a password may stand within another mark.
        lined = text if "<escaped pem" in text else text.replace("\\n", "\n")
        return _MARK.sub(self._filled, lined.replace("<pw>>", f"{self.password()}>"))

    def _filled(self, mark: re.Match[str]) -> str:
        if mark[1]:
            return self(mark[1], int(mark[2]))
        if mark[3] == "encoded":
            return base64.b64encode(mark[4].encode()).decode()
        if mark[3]:
            pem = self.pem(mark[4])
            return pem if mark[3] == "pem" else pem.replace("\n", "\\n")
        return getattr(self, {"pw": "password"}.get(mark[5], mark[5]))()

    def password(self) -> str:
        return f"{self('low', 3)}#{self('up', 2)}{self('num', 2)}!{self('low', 2)}x"

    def uuid(self) -> str:
        return "-".join(self("hex", n) for n in (8, 4, 4, 4, 12))

    def pem(self, kind: str = "", secrecy: str = "PRIVATE") -> str:
        lines = "\n".join(self("b64", 64) for _ in range(12))
        block = " BLOCK" if "BLOCK" in kind else ""
        name = f"{kind.replace('BLOCK ', '')}{secrecy} KEY{block}"
        return f"-----BEGIN {name}-----\n{lines}\n-----END {name}-----"

    def public(self) -> str:
        return self.pem(secrecy="PUBLIC")

    def discord(self) -> str:
        return base64.b64encode(b"1" + self("num", 17).encode()).decode().rstrip("=")

    def jwt(self) -> str:
        parts = (b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"42","name":"Jo","iat":1516239022}')
        heads = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        return ".".join((*heads, self("url", 43)))


_LEAKS = r"""
LINEAR_CLIENT_SECRET=<hex:32>
mailchimp_api_key: "<hex:32>-us20"
mailgun_key = '<hex:32>-<hex:8>-<hex:8>'
MATTERMOST_TOKEN=<low:26>
messagebird_api_token = "<low:25>"
NETLIFY_AUTH_TOKEN=<url:43>
nytimes_api_key = "<url:32>"
okta_api_token = "00<url:40>"
PLAID_SECRET=<low:30>
plaid_client_id = "<hex:24>"
pscale_tkn_<url:43>
rapidapi_key = "<url:50>"
SENDBIRD_ACCESS_TOKEN=<hex:40>
SENTRY_AUTH_TOKEN=<hex:64>
SENTRY_DSN=https://<hex:32>:<hex:32>@sentry.io/123
sntrys_eyJ<all:120>=_<all:43>
xoxb-<num:12>-<num:12>-<all:24>
"bot_token1": "xoxp-<num:11>-<num:11>-<num:11>-<hex:32>"
xoxe-1-<all:146>
xoxe.xoxp-1-<all:166>
xapp-1-A<up:10>-<num:13>-<hex:64>
xoxa-<num:10>-<low:12>
xoxs-<num:10>-<num:10>-<num:10>-<hex:10>
https://hooks.slack.com/services/T<up:8>/B<up:8>/<all:24>
https://hooks.slack.com/workflows/T<up:10>/A<up:10>/<num:18>/<all:24>
hooks.slack.com/triggers/T<up:8>/<num:13>/<hex:32>
SNYK_TOKEN=<uuid>
const SNYK_API_KEY = "<uuid>"
sonar.login=squ_<hex:40>
SONAR_TOKEN = "<hex:40>"
sgp_<hex:16>_<hex:40>
sourcegraph token: "<hex:40>"
sq0atp-<url:22>
EAAA<url:60>
stripe_secret: sk_live_<all:24>
rk_prod_<all:99>
sumologic_access_id = "su<all:12>"
SUMO_ACCESS_KEY="<all:64>"
https://mycompany.webhook.office.com/webhookb2/<uuid>@<uuid>/IncomingWebhook/<hex:32>/<uuid>
TELEGRAM_API_TOKEN=<num:10>:A<url:34>
https://api.telegram.org/bot<num:9>:AA<url:33>/getMe
travis_token = "<all:22>"
trello_api_key = "<hex:32>"
twilio_api_key = "SK<hex:32>"
twitch_token=<low:30>
twitter_api_key = "<all:25>"
TWITTER_ACCESS_SECRET=<all:45>
twitter_bearer_token = "AAAAAAAAAAAAAAAAAAAAAA<all:80>"
tfp_<url:59>
yandex_api_key = "AQVN<url:36>"
t1.<url:40>.<url:86>
zendesk_secret_key = "<low:40>"
<jwt>
Authorization: Bearer <jwt>
<pem:RSA >
{"private_key": "<escaped pem:>"}
<pem:PGP BLOCK >
kind: Secret\ntype: Opaque\ndata:\n  password: <encoded:<pw>>\n  username: <encoded:admin-user>
apiVersion: v1\ndata:\n  password: "<encoded:<pw>>"\nkind: Secret\ntype: Opaque
{"kind": "Secret", "data": {"password": "<encoded:<pw>>"}}
<add key="ClearTextPassword" value="<pw>" />
npm_<all:36>
//registry.example.org/:_authToken=<uuid>
oy2<low:43>
API-<up:26>
sha256~<url:43>
pplx-<all:48>
PMAK-<hex:24>-<hex:34>
pnu_<low:36>
pul-<hex:40>
pypi-AgEIcHlwaS5vcmc<url:150>
PRIVATEAI_API_KEY = "<low:32>"
rdme_<low:70>
rubygems_<hex:48>
tk-us-<url:48>
sm_pat_<all:16>
shippo_live_<hex:40>
shpat_<hex:32>
export BUNDLE_ENTERPRISE__CONTRIBSYS__COM=<hex:8>:<hex:8>
https://<hex:8>:<hex:8>@gems.contribsys.com/
bundle config enterprise.contribsys.com <hex:8>:<hex:8>
jfrog_api_key = "<all:73>"
kraken_secret = "<b64:80>"
kucoin_access_token = "<hex:24>"
LAUNCHDARKLY_ACCESS_TOKEN=<url:40>
linkedin_client_secret = "<all:16>"
LOB_API_KEY=live_<hex:35>
looker_client_secret="<low:24>"
<all:6>_<all:29>_mmk
meraki_api_key=<hex:40>
NRAK-<up:27>
new_relic_user_api_id = "<low:64>"
new-relic insert key: NRII-<url:32>
NRJS-<hex:19>
ntn_<num:11><all:35>
sk-proj-<url:74>T3BlbkFJ<url:74>
sk-<all:20>T3BlbkFJ<all:20>
sk-svcacct-<url:58>T3BlbkFJ<url:58>
ico-<all:32>
intercom_api_key="<low:60>"
s-s4t2ud-<hex:64>
redis://:<pw>@cache:6379/0
mongodb+srv://app:<pw>@cluster0.abc.mongodb.net/db
jdbc:postgresql://h/db?user=app&password=<pw>&ssl=true
Server=db;Database=x;User Id=sa;Password=<pw>;
password = "<pw>"
db:\n  password: <pw>
export API_TOKEN=<all:32>
tool --api-key <all:32> run
{"auths": {"https://index.docker.io/v1/": {"auth": "<encoded:joe:<pw>>"}}}
machine api.x.com login joe password <pw>
joe:$apr1$<all:8>$<all:22>
X-Api-Key: <all:32>
{\"client_secret\": \"<all:28>\"}
DefaultEndpointsProtocol=https;AccountName=x;AccountKey=<b64:86>==;EndpointSuffix=core.windows.net
https://x.blob.core.windows.net/c?sv=2020-08-04&sig=<all:43>%3D
aws_access_key_id = AKIA<b32:16>\naws_secret_access_key = <b64:40>
my api key is <all:32>, please use it
The password is <pw>.
Token: "<hex:40>",
client.login(token="<all:40>")
os.setenv("GITLAB_TOKEN", "<all:24>")
os.environ["API_SECRET"] = "<all:30>"
key: SecretStr = SecretStr("<all:32>")
const apiKey: string = "<all:32>";
<password><pw></password>
- name: DB_PASSWORD\n  value: <pw>
foo\nghp_<all:36>
dp.pt.<all:43>
hf_<all:34>
gsk_<all:52>
xai-<all:80>
MISTRAL_API_KEY=<all:32>
COHERE_API_KEY=<all:40>
DD_API_KEY=<hex:32>
s.<all:24>
WANDB_API_KEY=<hex:40>
dop_v1_<hex:64>
<discord>.<all:6>.<all:27>
sshpass -p "<pw>" ssh root@x
CREATE USER bob WITH PASSWORD '<pw>';
etsy_access_token = "<low:24>"
droneci_access_token = "<low:32>"
gitter_token = "<url:40>"
HEROKU_API_KEY=<uuid>
const hubspotKey = "<uuid>"
fastly_api_token="<url:32>"
CODECOV_TOKEN=<low:32>
confluent_secret_key = "<all:64>"
coinbase_access_token="<url:64>"
bitbucket_client_secret = "<url:64>"
beamer_api_token="b_<low:44>"
asana_client_secret = "<low:32>"
algolia_api_key = "<low:32>"
alibaba_secret="<low:30>"
adafruit_api_key="<url:32>"
airtable_api_key="key<all:14>"
"""

_NEAR_MISSES = r"""
kind: Secret\ndata:\n  password: {{ .Values.password | b64enc }}
kind: Secret\ndata: {}
kind: Secret\nstringData:\n  password: ${PASSWORD}
kind: Secret\ndata:\n  password: <base64-password>
secretKeyRef:\n  name: my-secret\n  key: password
-----BEGIN PRIVATE KEY-----\nanything\n-----END PRIVATE KEY-----
-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----
<public>
<add key="ClearTextPassword" value="%Password%" />
nonMatchingToken := "task_test_<all:10>"
xoxb-xxxxxxxxx-xxxxxxxxxx-xxxxxxxxxxxx
sk-proj-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
sonar.login=${SONAR_TOKEN}
https://api.telegram.org/bot<token>/getMe
SK00000000000000000000000000000000
npm_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
pypi-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
api_key = os.getenv("OPENAI_API_KEY")
const token = process.env.GITHUB_TOKEN
password = config.get("db_password")
password = "password123"
max_tokens = 4096
token = tokenizer.encode(text)
commit = "<hex:40>"
request_id: "<uuid>"
checksum: <hex:32>
"integrity": "sha512-<b64:86>=="
token_url = "https://example.com/oauth2/v1/token"
key = "user:profile:settings"
private_key = "/etc/ssl/private/server.key"
import { SECRET_KEY_CONSTANT } from "./secrets/constants"
secret: string;
def get_secret(name: str) -> SecretValue:
.password-input { color: #ff00aa }
"password": "Mot de passe oublié",
"forgotPassword": "Forgot your password?",
author: james.fake@ymail.com
password_hash = "<hex:64>"
eyJ...
-----BEGIN CERTIFICATE-----\n<all:64>\n-----END CERTIFICATE-----
index 83db48f..bf2a0a1 100644
data:image/png;base64,<b64:400>
FROM python@sha256:<hex:64>
curl -u $USER:$PASS https://x
https://user:password@example.com/
postgresql://postgres:postgres@localhost:5432/postgres
postgres://{user}:{password}@{host}/{db}
public_key = "<all:43>="
nonce="<all:32>"
session_key = request.session.session_key
API_VERSION=2024-10-01-preview
api_key: str = Field(default=None, description="The key")
token_classifier = "dbmdz/bert-large-cased-finetuned-conll03-english"
"kid": "<all:27>"
ETag: "<hex:32>"
resolved "https://registry.example.org/x/-/x-1.0.0.tgz#<hex:40>"
What is your password? Please type it below.
Password = txtPassword.Text;
String secret = getSecretFromVault("prod/db");
Cookie: sessionid=abc
serviceAccountName: token-controller-manager
aws_secret_access_key = YOUR_SECRET_ACCESS_KEY
${{ secrets.GITHUB_TOKEN }}
token = var.github_token
password: "{{ vault_password }}"
"key": "MuiButton-root-contained-primary"
PRIMARY KEY (id)
pass  # to be checked
--pass-through-args=foobarbaz123
Authorization: Bearer <token>
Authorization: Bearer YOUR_ACCESS_TOKEN
password_validators = ["MinimumLengthValidator"]
"""


def leaks(seed: int) -> list[str]:
    draw = Draw(seed)
    return [draw.fill(line) for line in _LEAKS.strip().splitlines()]


def near_misses(seed: int) -> list[str]:
    draw = Draw(seed)
    return [draw.fill(line) for line in _NEAR_MISSES.strip().splitlines()]
