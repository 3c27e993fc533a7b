//! Plan packs on the device: one file each, written whole or not at all, and checked whenever it is read, since a file can
//! be changed and a key can be taken back.

use std::fs;
use std::path::PathBuf;

use ispeed_protocol::UtcMicros;
use ispeed_protocol::campaign::{CampaignError, PlanPack};
use ispeed_protocol::signing::PublicKey;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::fetch::{About, FetchedPack, check_campaign, check_commune};
use crate::error::{Error, Result};
use crate::files::{cannot, write_whole};

/// A folder of packs.
#[derive(Clone, Debug)]
pub struct Packs {
    dir: PathBuf,
}

/// A pack at hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptPack {
    /// What the collector signed.
    pub pack: PlanPack,
    /// What names its content, to ask whether there is a newer one.
    pub etag: Option<String>,
    /// Its time is over: others may have measured already what it asks for.
    pub outdated: bool,
}

#[derive(Serialize, Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    pack: &'a RawValue,
    etag: Option<String>,
}

impl Packs {
    /// The packs in a folder, which is made when the first one is kept.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Keeps a pack, in place of an older one for the same. Errors: `input` when its signature does not hold, or it is for
    /// something else, or its time is over; `storage`.
    pub fn keep(
        &self,
        about: &About,
        fetched: &FetchedPack,
        trusted: &[PublicKey],
        now: UtcMicros,
    ) -> Result<KeptPack> {
        let kept = check(about, fetched.pack.clone(), fetched.etag.clone(), trusted, now)?;
        if kept.outdated {
            let until = kept.pack.valid_until;
            return Err(Error::input("plan pack", format!("valid until {until}"), "one that is valid now"));
        }
        let text = std::str::from_utf8(&fetched.body).map_err(Error::internal)?;
        let raw: &RawValue = serde_json::from_str(text).map_err(Error::internal)?;
        let file = File { pack: raw, etag: fetched.etag.clone() };
        write_whole(&self.path(about)?, &serde_json::to_vec(&file).map_err(Error::internal)?)?;
        Ok(kept)
    }

    /// The pack for something; `None`: none is kept. Errors: `input` when its signature does not hold any more, `storage`.
    pub fn get(&self, about: &About, trusted: &[PublicKey], now: UtcMicros) -> Result<Option<KeptPack>> {
        let path = self.path(about)?;
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cannot(&path, &error)),
        };
        let file: File<'_> = serde_json::from_slice(&bytes).map_err(|error| cannot(&path, &error))?;
        let pack = serde_json::from_str(file.pack.get()).map_err(|error| cannot(&path, &error))?;
        check(about, pack, file.etag, trusted, now).map(Some)
    }

    /// What there are packs for, in order.
    pub fn list(&self) -> Result<Vec<About>> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(cannot(&self.dir, &error)),
        };
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        Ok(names.iter().filter_map(|name| about_of(name)).collect())
    }

    /// Forgets a pack; one that is not there is forgotten already.
    pub fn forget(&self, about: &About) -> Result<()> {
        let path = self.path(about)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(cannot(&path, &error)),
            _ => Ok(()),
        }
    }

    fn path(&self, about: &About) -> Result<PathBuf> {
        let name = match about {
            About::Commune(code) => check_commune(code).map(|()| format!("commune-{code}.json")),
            About::Campaign(code) => check_campaign(code).map(|()| format!("campaign-{code}.json")),
            About::Point { .. } => {
                Err(Error::input("about", "a point", "a commune or a campaign: a pack is not made for a point"))
            }
        };
        Ok(self.dir.join(name?))
    }
}

fn about_of(name: &str) -> Option<About> {
    let stem = name.strip_suffix(".json")?;
    let about = match stem.split_once('-')? {
        ("commune", code) => check_commune(code).map(|()| About::Commune(code.to_owned())),
        ("campaign", code) => check_campaign(code).map(|()| About::Campaign(code.to_owned())),
        _ => return None,
    };
    about.ok()
}

/// Signature, time, and that it is the pack that was asked for.
fn check(
    about: &About,
    pack: PlanPack,
    etag: Option<String>,
    trusted: &[PublicKey],
    now: UtcMicros,
) -> Result<KeptPack> {
    let outdated = match pack.verify(trusted, now) {
        Ok(()) => false,
        Err(CampaignError::Outdated(_)) => true,
        Err(error) => {
            return Err(Error::input("plan pack", error, "one signed by the collector this device knows"));
        }
    };
    let fits = match about {
        About::Campaign(code) => pack.campaign.as_ref().is_some_and(|campaign| campaign.code == *code),
        About::Commune(code) => pack.campaign.is_none() && pack.communes.iter().any(|commune| commune.code == *code),
        About::Point { .. } => false,
    };
    if !fits {
        let of = pack.campaign.as_ref().map_or_else(|| "no campaign".to_owned(), |campaign| campaign.code.clone());
        return Err(Error::input("plan pack", of, format!("the pack for {about:?}")));
    }
    Ok(KeptPack { pack, etag, outdated })
}
