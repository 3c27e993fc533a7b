//! The certificate in use, and taking up a new one while the server runs.
//!
//! A whole new configuration takes the old one's place, so that its tickets go with it: whoever connects afterwards makes
//! a full handshake and sees the new certificate. Connections hold what they began with and go on.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use ispeed_protocol::signing::sha256_hex;
use ispeed_wire::tls::{TlsError, server_config};
use rustls::ServerConfig;
use thiserror::Error;
use tokio::sync::Mutex;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::limits;

/// The configuration of new handshakes; every copy is the same one.
#[derive(Clone, Debug)]
pub struct Served(Arc<RwLock<Arc<ServerConfig>>>);

impl Served {
    /// Begins with this one (see [`ispeed_wire::tls::server_config`]).
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(RwLock::new(config)))
    }

    /// That of a handshake that begins now.
    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Handshakes that begin from now on use `config`.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
    }
}

impl From<Arc<ServerConfig>> for Served {
    fn from(config: Arc<ServerConfig>) -> Self {
        Self::new(config)
    }
}

/// Why the certificate in use was kept.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RenewalError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The two do not make a usable pair.
    #[error("{cert} and {key} are no pair: {source}", cert = cert.display(), key = key.display())]
    Pair {
        /// The chain.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
        /// What is wrong.
        source: TlsError,
    },
}

/// What looking at the files led to.
#[derive(Debug)]
pub enum Renewed {
    /// They hold what is in use.
    Unchanged,
    /// New handshakes use the new pair.
    Taken,
    /// The pair in use was kept.
    Kept(RenewalError),
}

/// Counts of what became of changed files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RenewalCounts {
    /// New pairs taken up.
    pub taken: u64,
    /// Pairs or files refused, each content once.
    pub refused: u64,
}

/// A certificate and its key, PEM.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PairFiles {
    /// The chain.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What the files held when they were read: their hash, and the configuration they make.
type Reading = (String, Result<Arc<ServerConfig>, RenewalError>);

impl PairFiles {
    /// Reads both. A file that is not there counts as a content too, so that it is told of once.
    fn read(&self) -> Reading {
        let (cert, key) = match (read(&self.cert), read(&self.key)) {
            (Ok(cert), Ok(key)) => (cert, key),
            (Err(error), _) | (_, Err(error)) => return (error.to_string(), Err(error)),
        };
        let hash = format!("{} {}", sha256_hex(&cert), sha256_hex(&key));
        let made = server_config(&cert, &key).map_err(|source| RenewalError::Pair {
            cert: self.cert.clone(),
            key: self.key.clone(),
            source,
        });
        (hash, made)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, RenewalError> {
    fs::read(path).map_err(|source| RenewalError::File { path: path.to_owned(), source })
}

/// What was seen of the files so far.
#[derive(Debug, Default)]
struct Seen {
    in_use: String,
    /// Refused by the last look, and not told of yet: the writer may be between the two files.
    doubtful: Option<String>,
    /// Refused and told of.
    told: Option<String>,
}

/// Keeps the certificate in use that of the files.
#[derive(Debug)]
pub struct Renewal {
    files: PairFiles,
    served: Served,
    seen: Mutex<Seen>,
    taken: AtomicU64,
    refused: AtomicU64,
}

impl Renewal {
    /// Reads the pair for the first time.
    ///
    /// # Errors
    /// When a file cannot be read, or the two are no pair.
    pub fn open(files: PairFiles) -> Result<Self, RenewalError> {
        let (in_use, made) = files.read();
        let served = Served::new(made?);
        let seen = Mutex::new(Seen { in_use, ..Seen::default() });
        Ok(Self { files, served, seen, taken: AtomicU64::new(0), refused: AtomicU64::new(0) })
    }

    /// What the accept loop serves.
    pub fn served(&self) -> &Served {
        &self.served
    }

    /// What became of changed files so far.
    pub fn counts(&self) -> RenewalCounts {
        RenewalCounts { taken: self.taken.load(Relaxed), refused: self.refused.load(Relaxed) }
    }

    /// Looks now, because somebody asked (SIGHUP): what is wrong is told at once.
    pub async fn look(&self) -> Renewed {
        let mut seen = self.seen.lock().await;
        match self.compare(&mut seen) {
            Compared::Unchanged => Renewed::Unchanged,
            Compared::Taken => Renewed::Taken,
            Compared::Unfit(found, error) => {
                seen.doubtful = None;
                self.tell(&mut seen, found, &error);
                Renewed::Kept(error)
            }
        }
    }

    /// Looks every [`limits::CERTIFICATE_LOOK_EVERY`] until `ended`. A pair that does not fit is told of once, and only
    /// when the next look finds it again: files are replaced one after the other.
    pub async fn watch(&self, ended: CancellationToken) {
        let mut ticks = interval(limits::CERTIFICATE_LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = ended.cancelled() => return,
                _ = ticks.tick() => self.look_quietly().await,
            }
        }
    }

    async fn look_quietly(&self) {
        let mut seen = self.seen.lock().await;
        let Compared::Unfit(found, error) = self.compare(&mut seen) else { return };
        if seen.told.as_ref() == Some(&found) {
            return;
        }
        if seen.doubtful.as_ref() == Some(&found) {
            self.tell(&mut seen, found, &error);
        } else {
            seen.doubtful = Some(found);
        }
    }

    fn compare(&self, seen: &mut Seen) -> Compared {
        let (found, made) = self.files.read();
        let compared = match made {
            // Whatever was wrong in between is over, and is told of again should it come back.
            _ if found == seen.in_use => Compared::Unchanged,
            Ok(config) => {
                self.served.replace(config);
                self.taken.fetch_add(1, Relaxed);
                tracing::info!("new certificate from {}", self.files.cert.display());
                Compared::Taken
            }
            Err(error) => return Compared::Unfit(found, error),
        };
        *seen = Seen { in_use: found, ..Seen::default() };
        compared
    }

    fn tell(&self, seen: &mut Seen, found: String, error: &RenewalError) {
        seen.told = Some(found);
        self.refused.fetch_add(1, Relaxed);
        tracing::error!("the certificate in use is kept: {error}; write a certificate and its own key there");
    }
}

/// What a look found.
enum Compared {
    Unchanged,
    Taken,
    Unfit(String, RenewalError),
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        dir: tempfile::TempDir,
        renewal: Renewal,
    }

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    impl World {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let files = PairFiles { cert: dir.path().join("c.pem"), key: dir.path().join("k.pem") };
            write(&files, &pair());
            Self { renewal: Renewal::open(files).unwrap(), dir }
        }

        fn counts(&self) -> (u64, u64) {
            let counts = self.renewal.counts();
            (counts.taken, counts.refused)
        }
    }

    fn write(files: &PairFiles, (cert, key): &(String, String)) {
        fs::write(&files.cert, cert).unwrap();
        fs::write(&files.key, key).unwrap();
    }

    #[tokio::test]
    async fn a_writer_between_its_two_files_is_not_told_of() {
        let world = World::new();
        let before = world.renewal.served().current();
        let new = pair();
        fs::write(&world.renewal.files.cert, &new.0).unwrap();
        world.renewal.look_quietly().await;
        assert_eq!(world.counts(), (0, 0));
        assert!(Arc::ptr_eq(&before, &world.renewal.served().current()));
        fs::write(&world.renewal.files.key, &new.1).unwrap();
        world.renewal.look_quietly().await;
        assert_eq!(world.counts(), (1, 0));
        assert!(!Arc::ptr_eq(&before, &world.renewal.served().current()));
        world.renewal.look_quietly().await;
        assert_eq!(world.counts(), (1, 0), "the same files again are nothing new");
    }

    #[tokio::test]
    async fn a_pair_that_stays_wrong_is_told_of_once_and_again_when_it_comes_back() {
        let world = World::new();
        let files = world.renewal.files.clone();
        let right = (fs::read_to_string(&files.cert).unwrap(), fs::read_to_string(&files.key).unwrap());
        for expected in [1, 2] {
            fs::remove_file(&files.key).unwrap();
            for _ in 0..4 {
                world.renewal.look_quietly().await;
            }
            assert_eq!(world.counts(), (0, expected));
            write(&files, &right);
            world.renewal.look_quietly().await;
        }
        assert!(world.dir.path().exists());
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_that_nobody_announced_is_found() {
        let world = World::new();
        let (renewal, ended) = (Arc::new(world.renewal), CancellationToken::new());
        let watching = tokio::spawn({
            let (renewal, ended) = (Arc::clone(&renewal), ended.clone());
            async move { renewal.watch(ended).await }
        });
        tokio::time::sleep(limits::CERTIFICATE_LOOK_EVERY / 2).await;
        write(&renewal.files, &pair());
        assert_eq!(renewal.counts().taken, 0);
        tokio::time::sleep(limits::CERTIFICATE_LOOK_EVERY).await;
        assert_eq!(renewal.counts().taken, 1);
        ended.cancel();
        watching.await.unwrap();
    }

    #[tokio::test]
    async fn who_asks_is_answered_at_once() {
        let world = World::new();
        assert!(matches!(world.renewal.look().await, Renewed::Unchanged));
        fs::write(&world.renewal.files.key, pair().1).unwrap();
        let Renewed::Kept(error) = world.renewal.look().await else { panic!("a foreign key was taken") };
        let text = error.to_string();
        assert!(text.contains("c.pem") && text.contains("k.pem") && text.contains("no pair"), "{text}");
        fs::write(&world.renewal.files.cert, "no PEM").unwrap();
        assert!(matches!(world.renewal.look().await, Renewed::Kept(RenewalError::Pair { .. })));
        write(&world.renewal.files, &pair());
        assert!(matches!(world.renewal.look().await, Renewed::Taken));
        assert_eq!(world.counts(), (1, 2));
    }
}
