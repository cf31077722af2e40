"""Credentials that can be told by their own looks: a prefix, a length, an alphabet.

Each line is what the issuer documents, or shows in the keys it issues. The file is a table, and
long because issuers are many. A format is looked for only where its literal stands, so that a line
more costs one search for that literal. What matches is still refused when it is a filler (see
`credential_rules.values`), and judged by its checksum where the issuer put one in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Final

_UUID: Final = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"


@dataclass(frozen=True, slots=True)
class Format:
    """How the credentials of one kind look.

    Attributes:
        kind: The kind of the finding.
        label: What it is, for people.
        literals: One of them stands in every such credential.
        rest: The regular expression after the literal; with `offset`, all of it.
        offset: How many characters stand before the literal; -1 where that varies.
        check: The name of the test that decides further; see `credential_rules.checks`.
        may_be_plain: Whether even what looks like a filler counts.
        confidence: What a match alone is worth.
    """

    kind: str
    label: str
    literals: tuple[str, ...]
    rest: str
    offset: int = 0
    check: str = ""
    may_be_plain: bool = False
    confidence: float = field(default=0.95)


@cache
def pattern_of(form: Format, literal: str) -> re.Pattern[str]:
    """Return the compiled pattern of a format, made when it is first needed."""
    rest = form.rest if form.offset else re.escape(literal) + form.rest
    return re.compile(rest, re.ASCII)


def _of(kind: str, label: str, literals: str, rest: str, **more: object) -> Format:
    return Format(kind, label, tuple(literals.split()), rest, **more)  # type: ignore[arg-type]


FORMATS: Final[tuple[Format, ...]] = (
    # -- models and what serves them ------------------------------------------------------
    _of(
        "openai_key",
        "an OpenAI key",
        "T3BlbkFJ",
        r"(?<![\w-])sk-[A-Za-z0-9_-]{20,140}T3BlbkFJ[A-Za-z0-9_-]{20,90}",
        offset=-1,
        check="openai",
    ),
    _of("openai_key", "an OpenAI key", "sk-proj- sk-svcacct- sk-admin-", r"[\w-]{40,200}(?![\w-])"),
    _of("openai_key", "a key like OpenAI's", "sk-", r"[A-Za-z0-9]{48}(?![\w-])", confidence=0.8),
    _of("openai_key", "an OpenAI session key", "sess-", r"[A-Za-z0-9]{40}(?![\w-])"),
    _of("deepseek_key", "a key like DeepSeek's", "sk-", r"[0-9a-f]{32}(?![\w-])", confidence=0.8),
    _of("anthropic_key", "an Anthropic key", "sk-ant-api", r"\d\d-[\w-]{93}AA(?![\w-])"),
    _of("anthropic_key", "an Anthropic admin key", "sk-ant-admin", r"\d\d-[\w-]{93}AA(?![\w-])"),
    _of(
        "anthropic_key",
        "an Anthropic session token",
        "sk-ant-oat sk-ant-ort sk-ant-sid",
        r"\d\d-[\w-]{60,140}(?![\w-])",
    ),
    _of("openrouter_key", "an OpenRouter key", "sk-or-v1-", r"[0-9a-f]{64}(?!\w)"),
    _of("langfuse_key", "a Langfuse secret key", "sk-lf-", rf"{_UUID}(?!\w)"),
    _of(
        "langsmith_key",
        "a LangSmith key",
        "lsv2_pt_ lsv2_sk_",
        r"[0-9a-f]{32}_[0-9a-f]{10}(?!\w)",
    ),
    _of("langsmith_key", "a LangSmith key", "ls__", r"[0-9a-f]{32}(?!\w)"),
    _of("groq_key", "a Groq key", "gsk_", r"[A-Za-z0-9]{52}(?!\w)"),
    _of("xai_key", "an xAI key", "xai-", r"[A-Za-z0-9_]{70,100}(?![\w-])"),
    _of("perplexity_key", "a Perplexity key", "pplx-", r"[A-Za-z0-9]{40,60}(?![\w-])"),
    _of("replicate_token", "a Replicate token", "r8_", r"[A-Za-z0-9]{37}(?!\w)"),
    _of("huggingface_token", "a Hugging Face token", "hf_", r"[A-Za-z0-9]{34}(?!\w)"),
    _of("huggingface_token", "a Hugging Face token", "api_org_", r"[A-Za-z]{34}(?!\w)"),
    _of("cerebras_key", "a Cerebras key", "csk-", r"[a-z0-9]{48}(?![\w-])"),
    _of("fireworks_key", "a Fireworks key", "fw_", r"[A-Za-z0-9]{22,24}(?!\w)", check="both_cases"),
    _of("together_key", "a Together key", "tgp_v1_", r"[\w-]{43}(?![\w-])"),
    _of("nvidia_key", "an NVIDIA key", "nvapi-", r"[\w-]{60,70}(?![\w-])"),
    _of("voyage_key", "a Voyage key", "pa-", r"[A-Za-z0-9_-]{43}(?![\w-])", confidence=0.7),
    _of("anyscale_key", "an Anyscale key", "esecret_", r"[A-Za-z0-9]{26,40}(?!\w)"),
    _of("elevenlabs_key", "an ElevenLabs key", "sk_", r"[0-9a-f]{48}(?!\w)"),
    _of("tavily_key", "a Tavily key", "tvly-", r"(?:dev-|prod-)?[A-Za-z0-9]{32}(?![\w-])"),
    _of("firecrawl_key", "a Firecrawl key", "fc-", r"[0-9a-f]{32}(?![\w-])"),
    _of(
        "pinecone_key",
        "a Pinecone key",
        "pcsk_",
        r"[A-Za-z0-9]{5,6}_[A-Za-z0-9]{50,70}(?!\w)",
    ),
    _of(
        "modal_token",
        "a Modal token",
        "ak- as-",
        r"[A-Za-z0-9]{22}(?![\w-])",
        check="both_cases",
        confidence=0.7,
    ),
    _of("wandb_key", "a Weights & Biases key", "wandb_v1_", r"[A-Za-z0-9_]{60,90}(?!\w)"),
    _of("posthog_key", "a PostHog key", "phx_ phs_", r"[A-Za-z0-9]{40,60}(?!\w)"),
    # -- clouds and hosts -----------------------------------------------------------------
    _of(
        "aws_access_key",
        "an AWS access key's id",
        "AKIA ASIA ABIA ACCA",
        r"[A-Z2-7]{16}(?!\w)",
    ),
    _of("aws_access_key", "an AWS access key's id", "A3T", r"[A-Z0-9][A-Z2-7]{16}(?!\w)"),
    _of("aws_mws_key", "an Amazon marketplace token", "amzn.mws.", rf"{_UUID}(?!\w)"),
    _of("aws_appsync_key", "an AWS AppSync key", "da2-", r"[a-z0-9]{26}(?![\w-])"),
    _of(
        "aws_bedrock_key",
        "an Amazon Bedrock key",
        "ABSK",
        r"[A-Za-z0-9+/]{109,269}={0,2}(?![\w+/=])",
        check="bedrock",
        may_be_plain=True,
    ),
    _of(
        "aws_bedrock_key",
        "a short-lived Amazon Bedrock key",
        "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t",  # promptkit: allow-secret
        r"[A-Za-z0-9+/=]{0,4000}",
        may_be_plain=True,
    ),
    _of(
        "alibaba_access_key",
        "an Alibaba Cloud access key's id",
        "LTAI",
        r"[A-Za-z0-9]{16,24}(?!\w)",
    ),
    _of("tencent_secret_id", "a Tencent Cloud secret's id", "AKID", r"[A-Za-z0-9]{32}(?!\w)"),
    _of(
        "azure_client_secret",
        "an Azure AD client secret",
        "Q~",
        r"[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~-])",
        offset=4,
        check="azure_secret",
    ),
    _of(
        "azure_key",
        "an Azure key",
        "JQQJ99",
        r"[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{26}(?!\w)",
        offset=52,
    ),
    _of(
        "azure_devops_token",
        "an Azure DevOps token",
        "AZDO",
        r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}(?!\w)",
        offset=76,
    ),
    _of(
        "azure_storage_key",
        "an Azure storage key",
        "AccountKey=",
        r"(?P<secret>[A-Za-z0-9+/]{86}==)",
    ),
    _of(
        "azure_storage_key",
        "an Azure key",
        "SharedAccessKey=",
        r"(?P<secret>[A-Za-z0-9+/]{42,86}={1,2})",
    ),
    _of(
        "azure_sas",
        "the signature of an Azure SAS",
        "sig=",
        r"(?P<secret>[A-Za-z0-9%+/]{43,80}(?:%3[Dd]|=))",
        check="azure_sas",
    ),
    _of(
        "gcp_api_key",
        "a Google API key",
        "AIza",
        r"[\w-]{35}(?![\w-])",
    ),
    _of("gcp_api_key", "a Gemini API key", "AQ.", r"Ab[\w-]{48}(?![\w-])"),
    _of("gcp_client_secret", "a Google OAuth client secret", "GOCSPX-", r"[\w-]{28}(?![\w-])"),
    _of("gcp_access_token", "a Google access token", "ya29.", r"[\w-]{30,1000}(?![\w-])"),
    _of("gcp_refresh_token", "a Google refresh token", "1//0", r"[\w-]{40,120}(?![\w-])"),
    _of(
        "gcp_service_account",
        "a Google service account's file",
        "service_account",
        r"(?<![\w-])\\?[\"']?type\\?[\"']?\s{0,4}[:=]\s{0,4}\\?[\"'](?P<secret>service_account)(?!\w)",
        offset=-1,
        may_be_plain=True,
    ),
    _of("cloudflare_key", "a Cloudflare origin key", "v1.0-", r"[0-9a-f]{24}-[0-9a-f]{146}(?!\w)"),
    _of(
        "cloudflare_token",
        "a Cloudflare token",
        "cfut_ cfat_ cfk_",
        r"[A-Za-z0-9_-]{40,60}(?![\w-])",
    ),
    _of(
        "digitalocean_token",
        "a DigitalOcean token",
        "dop_v1_ doo_v1_ dor_v1_",
        r"[0-9a-f]{64}(?!\w)",
    ),
    _of("heroku_key", "a Heroku key", "HRKU-AA", r"[\w-]{58}(?![\w-])"),
    _of("heroku_key", "a Heroku key", "HRKU-", rf"{_UUID}(?![\w-])"),
    _of("fly_token", "a Fly.io token", "fo1_", r"[\w-]{43}(?![\w-])"),
    _of("fly_token", "a Fly.io token", "fm1a_ fm1r_ fm2_", r"[A-Za-z0-9+/]{80,2000}={0,3}"),
    _of("render_key", "a Render key", "rnd_", r"[A-Za-z0-9]{28,36}(?!\w)"),
    _of("netlify_token", "a Netlify token", "nfp_ nfc_ nfo_ nfu_ nfb_", r"[A-Za-z0-9]{36}(?!\w)"),
    _of("vercel_token", "a Vercel token", "vcp_ vci_ vca_ vcr_ vck_", r"[A-Za-z0-9]{24,60}(?!\w)"),
    _of("scalingo_token", "a Scalingo token", "tk-us-", r"[\w-]{48}(?![\w-])"),
    _of("supabase_key", "a Supabase key", "sbp_", r"(?:oauth_|v0_)?[0-9a-f]{40}(?!\w)"),
    _of("supabase_key", "a Supabase secret key", "sb_secret_", r"[\w-]{31}(?![\w-])"),
    _of(
        "planetscale_key",
        "a PlanetScale token",
        "pscale_tkn_ pscale_pw_ pscale_oauth_",
        r"[\w=.-]{32,64}(?![\w-])",
    ),
    _of("neon_key", "a Neon key", "napi_", r"[a-z0-9]{64}(?!\w)"),
    _of(
        "tailscale_key",
        "a Tailscale key",
        "tskey-",
        r"(?:auth|api|client|scim|webhook)-\w{8,20}-\w{24,40}(?!\w)",
    ),
    _of("yandex_key", "a Yandex key", "AQVN", r"[\w-]{35,38}(?![\w-])"),
    _of("yandex_secret", "a Yandex Cloud secret", "YC", r"[\w-]{38}(?![\w-])", confidence=0.8),
    _of(
        "yandex_token",
        "a Yandex IAM token",
        "t1.",
        r"[\w-]{3,2000}={0,2}\.[\w-]{86}={0,2}(?![\w-])",
    ),
    _of("yandex_token", "a Yandex OAuth token", "y0_ y1_ y2_ y3_", r"[\w-]{50,60}(?![\w-])"),
    _of(
        "oracle_key",
        "an Oracle Cloud session token",
        "ST$",
        r"eyJ[\w-]{20,2000}\.[\w-]{20,4000}\.[\w-]{20,1000}",
    ),
    # -- code and its making --------------------------------------------------------------
    _of(
        "github_token",
        "a GitHub token",
        "ghp_ gho_ ghu_ ghs_ ghr_",
        r"[A-Za-z0-9]{36}(?!\w)",
        check="github",
    ),
    _of(
        "github_token",
        "a GitHub App's token",
        "ghs_",
        r"\d{1,12}_eyJ[\w-]{20,1000}\.[\w-]{20,2000}\.[\w-]{20,1000}",
    ),
    _of(
        "github_token",
        "a fine-grained GitHub token",
        "github_pat_",
        r"[A-Za-z0-9]{22}_[A-Za-z0-9]{59}(?!\w)",
    ),
    _of(
        "github_token",
        "a GitHub token inside an address",
        "v1.",
        r"[0-9a-f]{40}(?!\w)",
        confidence=0.7,
    ),
    _of(
        "gitlab_token",
        "a GitLab token",
        "glpat- glagent- glcbt- gldt- glft- glimt- gloas- glrt- glsoat- glffct- glwt- glrtr-",
        r"[\w-]{20,64}(?![\w-])(?!\.[0-9a-z])",
    ),
    _of(
        "gitlab_token",
        "a GitLab token",
        "glpat- glrt- gldt- glcbt- glrtr-",
        r"[\w-]{20,300}\.[0-9a-z]{2}\.?[0-9a-z]{7}(?!\w)",
    ),
    _of("gitlab_token", "a GitLab CI job token", "glcbt-", r"[0-9a-zA-Z]{1,5}_[\w-]{20}(?![\w-])"),
    _of("gitlab_token", "a GitLab trigger token", "glptt-", r"[0-9a-f]{40}(?!\w)"),
    _of("gitlab_token", "a GitLab runner's token", "GR1348941", r"[\w-]{20}(?![\w-])"),
    _of(
        "gitlab_session",
        "a GitLab session's cookie",
        "_gitlab_session=",
        r"(?P<secret>[0-9a-z]{32})(?!\w)",
    ),
    _of("bitbucket_token", "a Bitbucket app password", "ATBB", r"[A-Za-z0-9]{32}(?!\w)"),
    _of(
        "atlassian_token", "an Atlassian token", "ATATT3 ATCTT3 ATSTT3", r"[\w=-]{150,260}(?![\w-])"
    ),
    _of(
        "buildkite_token", "a Buildkite token", "bkua_ bkct_ bkat_ bkaj_", r"[0-9a-f]{40,64}(?!\w)"
    ),
    _of(
        "circleci_token",
        "a CircleCI token",
        "CCIPAT_ CCIPRJ_",
        r"[A-Za-z0-9]{22}_[0-9a-f]{40}(?!\w)",
    ),
    _of("codecov_token", "a Codecov token", "CODECOV_TOKEN=", rf"['\"]?(?P<secret>{_UUID})(?!\w)"),
    _of("docker_token", "a Docker Hub token", "dckr_pat_ dckr_oat_", r"[\w-]{27,40}(?![\w-])"),
    _of("artifactory_key", "an Artifactory key", "AKCp", r"[A-Za-z0-9]{69}(?!\w)"),
    _of("artifactory_token", "an Artifactory reference token", "cmVmd", r"[A-Za-z0-9]{59}(?!\w)"),
    _of("npm_token", "an npm token", "npm_", r"[A-Za-z0-9]{36}(?!\w)", check="npm"),
    _of(
        "npm_token",
        "an npm token",
        "_authToken=",
        rf"(?P<secret>{_UUID}|[A-Za-z0-9_.+/=-]{{20,200}})(?!\w)",
    ),
    _of(
        "pypi_token",
        "a PyPI token",
        "pypi-AgEIcHlwaS5vcmc pypi-AgENdGVzdC5weXBpLm9yZw",  # promptkit: allow-secret
        r"[\w-]{50,2000}",
    ),
    _of("rubygems_key", "a RubyGems key", "rubygems_", r"[0-9a-f]{48}(?!\w)"),
    _of(
        "crates_token",
        "a crates.io token",
        "cio",
        r"[A-Za-z0-9]{32}(?!\w)",
        check="both_cases",
        confidence=0.8,
    ),
    _of("clojars_token", "a Clojars token", "CLOJARS_", r"[0-9a-fA-F]{60}(?!\w)"),
    _of("clojars_token", "a Clojars token", "CLOJARS_", r"[a-z0-9]{60}(?!\w)"),
    _of("nuget_key", "a NuGet key", "oy2", r"[a-z0-9]{43}(?!\w)"),
    _of("hex_key", "a Hex.pm key", "hex_", r"[0-9a-f]{32,64}(?!\w)", confidence=0.7),
    _of("sonar_token", "a SonarQube token", "squ_ sqp_ sqa_", r"[0-9a-f]{40}(?!\w)"),
    _of(
        "snyk_token",
        "a Snyk token",
        "snyk_uat. snyk_sat.",
        r"[0-9a-f]{8}\.[\w-]{20,200}\.[\w-]{20,200}",
    ),
    _of(
        "sourcegraph_token",
        "a Sourcegraph token",
        "sgp_",
        r"(?:[0-9a-fA-F]{16}|local)_[0-9a-fA-F]{40}(?!\w)",
    ),
    _of("sourcegraph_token", "a Sourcegraph token", "sgp_", r"[0-9a-fA-F]{40}(?!\w)"),
    _of("sourcegraph_token", "a Sourcegraph key", "slk_ sgd_", r"[0-9a-f]{64}(?!\w)"),
    _of("postman_key", "a Postman key", "PMAK-", r"[0-9a-fA-F]{24}-[0-9a-fA-F]{34}(?!\w)"),
    _of(
        "terraform_token",
        "a Terraform token",
        ".atlasv1.",
        r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,70}(?![\w-])",
        offset=14,
    ),
    _of("vault_token", "a Vault token", "hvs. hvb. hvr.", r"[\w-]{90,400}(?![\w-])"),
    _of("vault_token", "a Vault token", "hvs.", r"[A-Za-z0-9]{24}(?![\w-])"),
    _of(
        "vault_token",
        "an old Vault token",
        "s.",
        r"[A-Za-z0-9]{24}(?![\w(.])",
        check="mixed",
        confidence=0.8,
    ),
    _of("pulumi_token", "a Pulumi token", "pul-", r"[0-9a-f]{40}(?!\w)"),
    _of(
        "doppler_token",
        "a Doppler token",
        "dp.pt. dp.sa. dp.scim. dp.audit. dp.ct.",
        r"[A-Za-z0-9]{40,44}(?!\w)",
    ),
    _of(
        "doppler_token",
        "a Doppler token",
        "dp.st.",
        r"(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}(?!\w)",
    ),
    _of(
        "infracost_key", "an Infracost key", "ico-", r"[A-Za-z0-9]{32}(?![\w-])", check="both_cases"
    ),
    _of("prefect_key", "a Prefect key", "pnu_ pnb_", r"[A-Za-z0-9]{36}(?!\w)"),
    _of("openshift_token", "an OpenShift token", "sha256~", r"[\w-]{43}(?![\w-])"),
    _of(
        "harness_token",
        "a Harness token",
        "pat. sat.",
        r"[A-Za-z0-9_-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}(?!\w)",
    ),
    _of("launchdarkly_key", "a LaunchDarkly key", "sdk- api- mob-", rf"{_UUID}(?![\w-])"),
    _of("octopus_key", "an Octopus Deploy key", "API-", r"[A-Z0-9]{25,36}(?![\w-])"),
    _of(
        "authress_key",
        "an Authress key",
        ".acc_ .acc-",
        r"(?<![\w-])(?:sc|ext|scauth|authress)_[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.acc[_-][a-z0-9-]{10,32}\.[\w+/=-]{30,120}",
        offset=-1,
    ),
    _of("endorlabs_key", "an Endor Labs key", "endr+", r"[A-Za-z0-9+/_-]{16}(?!\w)"),
    _of(
        "settlemint_token",
        "a SettleMint token",
        "sm_aat_ sm_pat_ sm_sat_",
        r"[A-Za-z0-9]{16}(?!\w)",
    ),
    _of(
        "onepassword_token",
        "a 1Password service account's token",
        "ops_eyJ",
        r"[A-Za-z0-9+/]{200,3000}={0,3}",
    ),
    _of(
        "onepassword_key",
        "a 1Password secret key",
        "A3-",
        r"[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}(?![\w-])",
    ),
    _of(
        "age_key",
        "an age secret key",
        "AGE-SECRET-KEY-1",
        r"[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}(?!\w)",
    ),
    # -- data and its watching ------------------------------------------------------------
    _of(
        "databricks_token",
        "a Databricks token",
        "dapi dose dkea dsapi",
        r"[0-9a-f]{32}(?:-\d)?(?!\w)",
    ),
    _of("clickhouse_key", "a ClickHouse Cloud key", "4b1d", r"[A-Za-z0-9]{38}(?!\w)"),
    _of("confluent_key", "a Confluent key", "cflt", r"[A-Za-z0-9+/]{60}(?![\w+/])"),
    _of("airtable_token", "an Airtable token", "pat", r"[A-Za-z0-9]{14}\.[0-9a-f]{64}(?!\w)"),
    _of("contentful_token", "a Contentful token", "CFPAT-", r"[\w-]{43}(?![\w-])"),
    _of(
        "prismic_token",
        "a Prismic token",
        "MC5",
        r"[A-Za-z0-9_-]{20,60}\.[\w-]{30,200}",
        confidence=0.6,
    ),
    _of(
        "dynatrace_token",
        "a Dynatrace token",
        "dt0c01. dt0s01. dt0s02. dt0s08. dt0s16.",
        r"[A-Za-z0-9-]{8,24}\.[A-Z0-9]{64}(?!\w)",
    ),
    _of(
        "grafana_token",
        "a Grafana service account's token",
        "glsa_",
        r"[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}(?!\w)",
        check="grafana",
    ),
    _of("grafana_token", "a Grafana Cloud token", "glc_", r"[A-Za-z0-9+/]{32,400}={0,3}(?![\w+/])"),
    _of("grafana_token", "a Grafana key", "eyJrIjoi", r"[A-Za-z0-9]{70,400}={0,3}(?![\w.-])"),
    _of("newrelic_key", "a New Relic key", "NRAK- NRAA-", r"[A-Za-z0-9]{27}(?![\w-])"),
    _of("newrelic_key", "a New Relic insert key", "NRII- NRIQ-", r"[A-Za-z0-9_-]{32}(?![\w-])"),
    _of(
        "newrelic_key", "a New Relic browser key", "NRJS- NRBR- NRRA-", r"[0-9a-f]{19,42}(?![\w-])"
    ),
    _of(
        "newrelic_key",
        "a New Relic licence key",
        "NRAL",
        r"(?<!\w)(?:eu01xx)?[0-9a-f]{30,36}(?:FFFF)?NRAL(?!\w)",
        offset=-1,
    ),
    _of("sentry_token", "a Sentry organisation's token", "sntrys_eyJ", r"[A-Za-z0-9+/=_-]{80,500}"),
    _of("sentry_token", "a Sentry user's token", "sntryu_", r"[0-9a-f]{64}(?!\w)"),
    _of("honeycomb_key", "a Honeycomb key", "hcaik_ hcxik_ hcamk_", r"[a-z0-9]{40,64}(?!\w)"),
    _of("axiom_token", "an Axiom token", "xaat- xapt-", rf"{_UUID}(?![\w-])"),
    _of("mapbox_token", "a Mapbox token", "sk.eyJ pk.eyJ", r"[\w-]{30,250}\.[\w-]{22}(?![\w-])"),
    _of("mapbox_token", "a Mapbox token", "pk. sk.", r"[a-z0-9]{60}\.[a-z0-9]{22}(?!\w)"),
    _of(
        "maxmind_key",
        "a MaxMind licence key",
        "_mmk",
        r"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk(?!\w)",
        offset=36,
    ),
    _of("readme_key", "a ReadMe key", "rdme_", r"[a-z0-9]{70}(?!\w)"),
    _of(
        "rapidapi_key",
        "a RapidAPI key",
        "msh",
        r"[a-z0-9]{10}msh[a-z0-9]{15}p1[a-z0-9]{5}jsn[a-z0-9]{12}(?!\w)",
        offset=10,
    ),
    # -- people, messages and work --------------------------------------------------------
    _of(
        "slack_token",
        "a Slack bot's token",
        "xoxb-",
        r"\d{8,14}-(?:\d{8,14}-)?[A-Za-z0-9]{8,36}(?![\w-])",
    ),
    _of(
        "slack_token",
        "a Slack user's token",
        "xoxp- xoxe- xoxs- xoxo- xoxa- xoxr- xoxc-",
        r"(?:\d-)?(?:\d{6,14}-){0,4}[A-Za-z0-9]{8,80}(?![\w-])",
        check="slack",
    ),
    _of("slack_token", "a Slack token", "xoxd-", r"[A-Za-z0-9%+/=_-]{80,400}"),
    _of("slack_token", "a Slack token for renewal", "xoxe-", r"\d-[A-Za-z0-9]{100,200}(?![\w-])"),
    _of(
        "slack_token",
        "a Slack token that is renewed",
        "xoxe.xoxb- xoxe.xoxp-",
        r"\d-[A-Za-z0-9]{100,200}(?![\w-])",
    ),
    _of(
        "slack_token",
        "a Slack app's token",
        "xapp-",
        r"\d-[A-Z0-9]{5,20}-\d{5,20}-[a-z0-9]{20,80}(?![\w-])",
    ),
    _of(
        "slack_token", "a Slack workflow's token", "xwfp-", r"\d{9,14}-[A-Za-z0-9-]{16,80}(?![\w-])"
    ),
    _of(
        "slack_webhook",
        "a Slack webhook",
        "hooks.slack.com/",
        r"(?:services|workflows|triggers)/(?:[A-Za-z0-9]{6,24}/){1,3}[A-Za-z0-9]{16,60}(?:/[A-Za-z0-9]{16,40})?",
        may_be_plain=True,
    ),
    _of(
        "teams_webhook",
        "a Microsoft Teams webhook",
        ".webhook.office.com/webhookb2/",
        rf"(?<![\w.-])(?:https://)?[\w-]{{1,63}}+\.webhook\.office\.com/webhookb2/{_UUID}@{_UUID}"
        rf"/IncomingWebhook/[a-z0-9]{{32}}/{_UUID}",
        offset=-1,
        may_be_plain=True,
    ),
    _of(
        "discord_webhook",
        "a Discord webhook",
        "discord.com/api/webhooks/ discordapp.com/api/webhooks/",
        r"\d{17,20}/[\w-]{60,80}(?![\w-])",
        may_be_plain=True,
    ),
    _of(
        "discord_token",
        "a Discord bot's token",
        ".",
        r"(?<![\w.-])[MNO][A-Za-z0-9_-]{22,27}\.[\w-]{6}\.[\w-]{27,40}(?![\w-])",
        offset=-1,
        check="discord",
    ),
    _of("discord_token", "a Discord token", "mfa.", r"[\w-]{84}(?![\w-])"),
    _of(
        "telegram_token",
        "a Telegram bot's token",
        ":A",
        r"(?<![A-Za-z0-9_])(?:bot)?(?P<secret>\d{5,16}:A[\w-]{34})(?![\w-])",
        offset=-1,
    ),
    _of(
        "zapier_webhook",
        "a Zapier webhook",
        "hooks.zapier.com/hooks/catch/",
        r"\d{4,10}/[a-z0-9]{5,10}",
        may_be_plain=True,
    ),
    _of("twilio_key", "a Twilio key", "SK", r"[0-9a-fA-F]{32}(?!\w)"),
    _of("sendgrid_key", "a SendGrid key", "SG.", r"[\w-]{22}\.[\w-]{43}(?![\w-])"),
    _of("sendgrid_key", "a SendGrid key", "SG.", r"[\w=.-]{66}(?![\w=.-])"),
    _of("brevo_key", "a Brevo key", "xkeysib- xsmtpsib-", r"[0-9a-f]{64}-[A-Za-z0-9]{16}(?!\w)"),
    _of("mailgun_key", "a Mailgun key", "key-", r"[0-9a-f]{32}(?!\w)"),
    _of("mailgun_key", "a Mailgun validation key", "pubkey-", r"[0-9a-f]{32}(?!\w)"),
    _of("mailchimp_key", "a Mailchimp key", "-us", r"[0-9a-f]{32}-us\d{1,2}(?!\w)", offset=32),
    _of("resend_key", "a Resend key", "re_", r"[A-Za-z0-9]{8}_[A-Za-z0-9]{24}(?!\w)"),
    _of("intercom_token", "an Intercom token", "dG9rO", r"[A-Za-z0-9+/]{40,60}={0,2}(?![\w+/])"),
    _of(
        "hubspot_token",
        "a HubSpot token",
        "pat-na1- pat-na2- pat-eu1- pat-ap1-",
        rf"{_UUID}(?![\w-])",
    ),
    _of("linear_key", "a Linear key", "lin_api_ lin_oauth_ lin_wh_", r"[A-Za-z0-9]{40,64}(?!\w)"),
    _of("notion_token", "a Notion token", "ntn_", r"\d{11}[A-Za-z0-9]{35}(?!\w)"),
    _of("notion_token", "a Notion token", "secret_", r"[A-Za-z0-9]{43}(?!\w)"),
    _of(
        "asana_token",
        "an Asana token",
        "0/ 1/ 2/",
        r"(?:\d{10,20}[/:]){0,2}(?P<secret>[0-9a-f]{32})(?!\w)",
        check="asana",
    ),
    _of("figma_token", "a Figma token", "figd_ figo_ figu_", r"[\w-]{40,200}(?![\w-])"),
    _of("typeform_token", "a Typeform token", "tfp_", r"[\w=.-]{59}(?![\w=.-])"),
    _of("trello_token", "a Trello token", "ATTA", r"[0-9a-fA-F]{60,80}(?!\w)"),
    _of("frameio_token", "a Frame.io token", "fio-u-", r"[\w=-]{64}(?![\w-])"),
    _of("dropbox_token", "a Dropbox token", "sl.", r"(?:u\.)?[\w=-]{130,2000}(?![\w-])"),
    _of("adobe_secret", "an Adobe client secret", "p8e- p8e_ p8e", r"[-_]?[A-Za-z0-9]{32}(?!\w)"),
    _of("zoho_token", "a Zoho token", "1000.", r"[0-9a-f]{32}\.[0-9a-f]{32}(?!\w)"),
    _of(
        "salesforce_token",
        "a Salesforce session",
        "00D",
        r"[A-Za-z0-9]{12,15}![\w.]{80,140}(?![\w.])",
    ),
    _of(
        "sidekiq_secret",
        "a Sidekiq credential",
        "contribsys CONTRIBSYS Contribsys",
        r"(?i:contribsys(?:_{0,2}com)?)[\"']?[ ]{0,4}(?:=>|:=|[=:])[ ]{0,4}[\"']?"
        r"(?P<secret>[0-9a-f]{8}:[0-9a-f]{8})(?!\w)",
        offset=-1,
    ),
    _of("adafruit_key", "an Adafruit IO key", "aio_", r"[A-Za-z0-9]{28}(?!\w)", check="mixed"),
    _of("wakatime_key", "a WakaTime key", "waka_", rf"{_UUID}(?!\w)"),
    _of(
        "sidekiq_secret",
        "a Sidekiq credential",
        "gems.contribsys.com enterprise.contribsys.com",
        r"(?<![\w/])(?:https?://)?(?P<secret>[0-9a-f]{8}:[0-9a-f]{8})@(?:gems|enterprise)\.contribsys"
        r"\.com",
        offset=-1,
        may_be_plain=True,
    ),
    # -- money and trade ------------------------------------------------------------------
    _of(
        "stripe_key",
        "a Stripe key",
        "sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_",
        r"[A-Za-z0-9]{10,250}(?!\w)",
    ),
    _of(
        "stripe_secret",
        "a Stripe webhook's secret",
        "whsec_",
        r"[A-Za-z0-9+/]{24,80}={0,2}(?![\w+/])",
    ),
    _of("square_token", "a Square token", "sq0atp- sq0csp- sq0idp-", r"[\w-]{22,60}(?![\w-])"),
    _of("square_token", "a Square token", "EAAA", r"[\w-]{56,60}(?![\w-])"),
    _of(
        "braintree_token",
        "a Braintree token",
        "access_token$production$ access_token$sandbox$",
        r"[0-9a-z]{16}\$[0-9a-f]{32}(?!\w)",
    ),
    _of(
        "shopify_token",
        "a Shopify token",
        "shpat_ shpca_ shppa_ shpss_ shpua_ shptka_ shprt_",
        r"[0-9a-fA-F]{32}(?!\w)",
    ),
    _of("shippo_token", "a Shippo token", "shippo_live_ shippo_test_", r"[0-9a-fA-F]{40}(?!\w)"),
    _of("easypost_key", "an EasyPost key", "EZAK EZTK", r"[A-Za-z0-9]{54}(?!\w)"),
    _of("duffel_token", "a Duffel token", "duffel_live_ duffel_test_", r"[\w=-]{43}(?![\w-])"),
    _of(
        "flutterwave_key",
        "a Flutterwave key",
        "FLWSECK FLWPUBK",
        r"(?:_TEST)?-[0-9a-h]{12,32}(?:-X)?(?!\w)",
    ),
    _of("paystack_key", "a Paystack key", "sk_live_ sk_test_", r"[0-9a-f]{40}(?!\w)"),
    _of(
        "paddle_key",
        "a Paddle key",
        "pdl_live_apikey_ pdl_sdbx_apikey_",
        r"[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}(?!\w)",
    ),
    _of(
        "plaid_token",
        "a Plaid token",
        "access-sandbox- access-development- access-production-",
        rf"{_UUID}(?![\w-])",
    ),
    _of("lob_key", "a Lob key", "live_ test_", r"(?:pub_)?[0-9a-f]{31,35}(?!\w)"),
    _of("facebook_token", "a Facebook token", "EAAM EAAC EAAB EAAG", r"[A-Za-z0-9]{100,400}(?!\w)"),
    _of(
        "facebook_token",
        "a Facebook app's token",
        "|",
        r"(?<![\w|])\d{15,16}(?:\||%7C)[\w-]{27}(?![\w-])",
        offset=-1,
        check="facebook",
    ),
    _of("instagram_token", "an Instagram token", "IGQV IGAA", r"[\w-]{80,300}(?![\w-])"),
    _of("linkedin_secret", "a LinkedIn secret", "WPL_AP1.", r"[A-Za-z0-9]{16}\.[A-Za-z0-9+/]{6}=="),
    _of(
        "twitter_token",
        "a Twitter bearer token",
        "AAAAAAAAAAAAAAAAAAAAA",
        r"[A-Za-z0-9%+/=]{60,110}(?!\w)",
        may_be_plain=True,
    ),
    _of("intra42_secret", "a 42 intranet secret", "s-s4t2ud- s-s4t2af-", r"[0-9a-f]{64}(?!\w)"),
    _of(
        "password_hash",
        "a password's hash (bcrypt)",
        "$2a$ $2b$ $2y$",
        r"\d\d\$[A-Za-z0-9./]{53}(?![\w./])",
        confidence=0.6,
    ),
)
"""All formats, by kind of service."""
