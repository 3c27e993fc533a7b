//! Campaigns (đợt đo): who measures what where until when, how a phone joins one, and the plan it takes along for a day.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use crate::day::Day;
use crate::place::is_commune_code;
use crate::plan::{CommunePlan, PlanCalendar, Spacing};
use crate::signing::{PublicKey, SecretKey, SignatureError, signed_bytes};
use crate::time::{Month, UtcMicros};

/// Domain of the signature in a join text.
pub const JOIN_DOMAIN: &str = "ispeed campaign v1";
/// Domain of the signature of a plan pack.
pub const PACK_DOMAIN: &str = "ispeed plan pack v1";
/// What a join text begins with.
pub const JOIN_PREFIX: &str = "ispeed:campaign:";
/// Version of the records of this module.
pub const CAMPAIGN_VERSION: u32 = 1;

/// Communes of one campaign: the largest province has 168.
pub const COMMUNES_MAX: usize = 200;
/// Role codes of one campaign.
pub const ROLES_MAX: usize = 500;
/// Characters of a title.
pub const TITLE_MAX_CHARS: usize = 120;
/// Days a campaign may last: a year.
pub const DAYS_MAX: i64 = 366;
/// Samples of one operator in one commune: ten times what the letters ask of all.
pub const QUOTA_MAX: u32 = 3_000;
/// Communes listed in a join text; a QR code has little room, and the rest is asked of the collector.
pub const JOIN_COMMUNES_MAX: usize = 12;
/// Characters of a join text: a QR code of some 80 modules, which a phone reads off a sheet of A4.
pub const JOIN_MAX_CHARS: usize = 1_000;
/// Operators a quota may name.
pub const OPERATORS: [&str; 4] = ["viettel", "vinaphone", "mobifone", "vietnamobile"];

/// Samples a campaign wants of one operator in each of its communes and months.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorQuota {
    /// One of [`OPERATORS`].
    pub operator: String,
    /// Samples that count, in each commune and month.
    pub samples: u32,
}

/// A campaign. No person is in it: who measures is a role code, and who stands behind one is on the organiser's own list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    /// Version of this record.
    pub v: u32,
    /// Code people type: 3 to 32 of `a-z`, `0-9`, `-`.
    pub code: String,
    /// Title.
    pub title: String,
    /// Commune codes, in order.
    pub communes: Vec<String>,
    /// What is wanted of each operator in each commune; empty: 30 of each.
    #[serde(default)]
    pub quotas: Vec<OperatorQuota>,
    /// First day (UTC+7).
    #[schema(value_type = String, format = Date)]
    pub starts_on: Day,
    /// Last day (UTC+7).
    #[schema(value_type = String, format = Date)]
    pub ends_on: Day,
    /// Role codes of those who measure: 1 to 32 of `A-Z`, `0-9`, `-`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// It was ended before its last day.
    #[serde(default)]
    pub closed: bool,
}

impl Campaign {
    /// What is wrong with it: member, value and what was expected, all of it.
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut require = |good: bool, member: &str, value: &str, expected: &str| {
            if !good {
                wrong.push(format!("{member} is {value:?}; expected {expected}"));
            }
        };
        require(self.v == CAMPAIGN_VERSION, "v", &self.v.to_string(), "1");
        require(is_code(&self.code), "code", &self.code, "3 to 32 of a-z, 0-9 and -");
        let titled = !self.title.trim().is_empty() && self.title.chars().count() <= TITLE_MAX_CHARS;
        require(titled && !self.title.chars().any(char::is_control), "title", &self.title, "1 to 120 characters");
        let many = self.communes.len();
        require((1..=COMMUNES_MAX).contains(&many), "communes", &many.to_string(), "1 to 200 of them");
        for code in &self.communes {
            require(is_commune_code(code), "communes", code, "five digits, such as 25195");
        }
        require(self.communes.is_sorted_by(|a, b| a < b), "communes", &self.communes.join(" "), "each once, in order");
        for quota in &self.quotas {
            let known = OPERATORS.contains(&quota.operator.as_str());
            require(known, "quotas", &quota.operator, "viettel, vinaphone, mobifone or vietnamobile");
            let samples = quota.samples.to_string();
            require((1..=QUOTA_MAX).contains(&quota.samples), "quotas", &samples, "1 to 3000 samples");
        }
        let twice =
            self.quotas.iter().enumerate().find(|(i, q)| self.quotas[..*i].iter().any(|p| p.operator == q.operator));
        require(twice.is_none(), "quotas", twice.map_or("", |(_, q)| q.operator.as_str()), "each operator once");
        let days = self.ends_on.end().micros_since(self.starts_on.start()) / 86_400_000_000;
        require((1..=DAYS_MAX).contains(&days), "ends_on", &self.ends_on.to_string(), "1 to 366 days from starts_on");
        require(self.roles.len() <= ROLES_MAX, "roles", &self.roles.len().to_string(), "at most 500");
        for role in &self.roles {
            require(is_role_code(role), "roles", role, "a code, no name: 1 to 32 of A-Z, 0-9 and -, such as TO-01");
        }
        wrong
    }

    /// Whether a day lies in it.
    pub fn covers(&self, day: Day) -> bool {
        self.starts_on <= day && day <= self.ends_on
    }

    /// Samples wanted of an operator in each commune; `None` when the campaign names quotas and not this operator.
    pub fn wanted(&self, operator: &str) -> Option<u32> {
        if self.quotas.is_empty() {
            return OPERATORS.contains(&operator).then_some(crate::plan::OPERATOR_SAMPLES_MIN);
        }
        self.quotas.iter().find(|quota| quota.operator == operator).map(|quota| quota.samples)
    }
}

/// A campaign's code: 3 to 32 of `a-z`, `0-9`, `-`.
pub fn is_code(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (3..=32).contains(&text.len()) && text.bytes().all(good)
}

/// A role code: 1 to 32 of `A-Z`, `0-9`, `-`, so that nobody types a name.
pub fn is_role_code(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
    (1..=32).contains(&text.len()) && text.bytes().all(good)
}

/// What a join text says: enough to measure offline until the collector can be asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Version of this record.
    pub v: u32,
    /// Code of the campaign.
    pub code: String,
    /// Title.
    pub title: String,
    /// First day.
    #[schema(value_type = String, format = Date)]
    pub starts_on: Day,
    /// Last day.
    #[schema(value_type = String, format = Date)]
    pub ends_on: Day,
    /// Communes; empty when there are more than twelve: ask the collector.
    #[serde(default)]
    pub communes: Vec<String>,
    /// Role code for the phone that reads this, if the sheet is for one role.
    #[serde(default)]
    pub role: Option<String>,
    /// Base URL of the collector, if the organiser named one.
    #[serde(default)]
    pub url: Option<String>,
    /// Public key of the collector, which signed.
    pub key: String,
}

/// Why a join text or a pack is refused.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CampaignError {
    /// Not of the form.
    #[error("not a join text: {0}; expected ispeed:campaign:<text>.<signature>")]
    Malformed(String),
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Signed by a key that is not trusted here.
    #[error("signed by {0}, which is not a key of a collector trusted here")]
    UntrustedKey(String),
    /// Too long for a code that a phone reads.
    #[error("the join text has {0} characters; expected at most 1000: shorten title or url")]
    TooLong(usize),
    /// Its time is over.
    #[error("the plan pack was valid until {0}; fetch a new one")]
    Outdated(UtcMicros),
}

impl Join {
    /// The join of a campaign.
    pub fn of(campaign: &Campaign, url: Option<String>, role: Option<String>) -> Self {
        let few = campaign.communes.len() <= JOIN_COMMUNES_MAX;
        Self {
            v: CAMPAIGN_VERSION,
            code: campaign.code.clone(),
            title: campaign.title.clone(),
            starts_on: campaign.starts_on,
            ends_on: campaign.ends_on,
            communes: if few { campaign.communes.clone() } else { Vec::new() },
            role,
            url,
            key: String::new(),
        }
    }

    /// The text of a QR code: `ispeed:campaign:<base64url of the JSON>.<signature over that text>`.
    pub fn text(mut self, key: &SecretKey) -> Result<String, CampaignError> {
        self.key = key.public().text();
        let json = serde_json::to_vec(&self).map_err(|e| CampaignError::Malformed(e.to_string()))?;
        let claims = B64.encode(json);
        let text = format!("{JOIN_PREFIX}{claims}.{}", key.sign(JOIN_DOMAIN, claims.as_bytes()));
        if text.len() > JOIN_MAX_CHARS { Err(CampaignError::TooLong(text.len())) } else { Ok(text) }
    }

    /// Reads and checks a text, without a network; `trusted` empty means: by the key it names, which a person then confirms.
    pub fn read(text: &str, trusted: &[PublicKey]) -> Result<Self, CampaignError> {
        let malformed = |cause: &dyn std::fmt::Display| CampaignError::Malformed(cause.to_string());
        let body = text.trim().strip_prefix(JOIN_PREFIX).ok_or_else(|| malformed(&"it begins otherwise"))?;
        if text.len() > JOIN_MAX_CHARS {
            return Err(CampaignError::TooLong(text.len()));
        }
        let (claims, signature) = body.split_once('.').ok_or_else(|| malformed(&"it has no dot"))?;
        let json = B64.decode(claims).map_err(|e| malformed(&e))?;
        let join: Self = serde_json::from_slice(&json).map_err(|e| malformed(&e))?;
        let key = trusted_key(&join.key, trusted)?;
        key.verify(JOIN_DOMAIN, claims.as_bytes(), signature)?;
        if join.v != CAMPAIGN_VERSION || !is_code(&join.code) || join.role.as_deref().is_some_and(|r| !is_role_code(r))
        {
            return Err(malformed(&"a member is not of its form"));
        }
        Ok(join)
    }
}

fn trusted_key(text: &str, trusted: &[PublicKey]) -> Result<PublicKey, CampaignError> {
    let key = PublicKey::parse(text)?;
    if trusted.is_empty() || trusted.contains(&key) {
        Ok(key)
    } else {
        Err(CampaignError::UntrustedKey(text.to_owned()))
    }
}

/// `GET /v1/campaigns/{code}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct CampaignView {
    /// The campaign.
    pub campaign: Campaign,
    /// It can be measured for today.
    pub open: bool,
    /// Text of its QR code, signed by the collector.
    pub join: String,
    /// How far it is.
    pub progress: Vec<CampaignProgress>,
}

/// How far a campaign is in one commune.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct CampaignProgress {
    /// Commune code.
    pub code: String,
    /// Full name.
    pub name: String,
    /// Samples of the campaign that count, each operator with what is wanted of it.
    pub operators: Vec<crate::plan::OperatorShortfall>,
}

/// Which borders a phone needs beside a pack: the bundle, which most have already.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct BundleReference {
    /// Boundary table.
    pub table: String,
    /// SHA-256 of the bundle's file.
    pub sha256: String,
    /// Its address below the collector.
    pub path: String,
}

/// A plan for a day without a network: one document, signed. ispeed is not VNNIC's i-Speed app; its samples do not enter VNNIC's
/// count of 300. Signed form: canonical JSON of all members but `signature`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlanPack {
    /// Version of this record.
    pub v: u32,
    /// Public name of the collector.
    pub collector: String,
    /// Campaign it is for.
    #[serde(default)]
    pub campaign: Option<Campaign>,
    /// Month (UTC+7).
    #[schema(value_type = String, example = "2026-11")]
    pub month: Month,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: UtcMicros,
    /// Whoever measures by it later measures what others may have measured already.
    #[schema(value_type = String, format = DateTime)]
    pub valid_until: UtcMicros,
    /// When to measure, to hand in and to report.
    pub calendar: PlanCalendar,
    /// What counts of one device.
    pub spacing: Spacing,
    /// Borders to resolve with; `null` where the collector has none.
    #[serde(default)]
    pub boundaries: Option<BundleReference>,
    /// Communes with shortfall and unmeasured cells.
    pub communes: Vec<CommunePlan>,
    /// Public key of the collector.
    pub key: String,
    /// Signature, base64url.
    pub signature: String,
}

impl PlanPack {
    /// Fills in key and signature.
    pub fn sign(mut self, key: &SecretKey) -> Result<Self, SignatureError> {
        self.key = key.public().text();
        self.signature = key.sign(PACK_DOMAIN, &signed_bytes(&self)?);
        Ok(self)
    }

    /// Checks signature and time, without a network; `trusted` empty means: by the key it names.
    pub fn verify(&self, trusted: &[PublicKey], now: UtcMicros) -> Result<(), CampaignError> {
        let key = trusted_key(&self.key, trusted)?;
        key.verify(PACK_DOMAIN, &signed_bytes(self)?, &self.signature)?;
        if now >= self.valid_until { Err(CampaignError::Outdated(self.valid_until)) } else { Ok(()) }
    }
}

#[cfg(test)]
#[path = "campaign_tests.rs"]
mod tests;
