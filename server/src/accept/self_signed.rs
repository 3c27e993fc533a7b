//! A certificate for servers without one: written once, kept across restarts, trusted by clients through `--ca`.

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};

use super::ServeError;

/// File name of the certificate in the data folder; `--ca` takes it.
pub const CERT_FILE: &str = "cert.pem";
/// File name of its key.
pub const KEY_FILE: &str = "key.pem";
/// Names under which the machine itself reaches the server.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A self-signed certificate and its key, PEM.
#[derive(Debug)]
pub struct SelfSigned {
    /// Certificate.
    pub cert_pem: Vec<u8>,
    /// Its key.
    pub key_pem: Vec<u8>,
    /// Where the certificate lies.
    pub cert_path: PathBuf,
}

/// Reads the certificate in `dir`, or writes one for `localhost`, the loopback addresses, the listen addresses and
/// `public_name`.
///
/// An existing pair is kept, because clients were given it; delete both files to have new names taken up.
///
/// # Errors
/// When the folder cannot be written, or only one of the two files is there.
pub fn self_signed(dir: &Path, listen: &[SocketAddr], public_name: Option<&str>) -> Result<SelfSigned, ServeError> {
    let (cert_path, key_path) = (dir.join(CERT_FILE), dir.join(KEY_FILE));
    match (cert_path.exists(), key_path.exists()) {
        (true, true) => {}
        (false, false) => write_pair(dir, &cert_path, &key_path, listen, public_name)?,
        (has_cert, _) => {
            let (there, missing) = if has_cert { (&cert_path, &key_path) } else { (&key_path, &cert_path) };
            return Err(ServeError::HalfPair { there: there.clone(), missing: missing.clone() });
        }
    }
    let read = |path: &Path| fs::read(path).map_err(|e| ServeError::File { path: path.to_owned(), source: e });
    Ok(SelfSigned { cert_pem: read(&cert_path)?, key_pem: read(&key_path)?, cert_path })
}

fn write_pair(
    dir: &Path,
    cert_path: &Path,
    key_path: &Path,
    listen: &[SocketAddr],
    public_name: Option<&str>,
) -> Result<(), ServeError> {
    let mut names: Vec<String> = LOCAL_NAMES.map(str::to_owned).to_vec();
    names.extend(
        listen.iter().map(|addr| addr.ip().to_canonical()).filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string()),
    );
    names.extend(public_name.map(str::to_owned));
    names.sort();
    names.dedup();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, public_name.unwrap_or("ispeed self-signed"));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ServeError::File { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    // The key first: a certificate without its key would be kept and never work.
    write_private(key_path, key.serialize_pem().as_bytes()).map_err(failed(key_path))?;
    fs::write(cert_path, certificate.pem()).map_err(failed(cert_path))
}

/// Writes a file that only its owner can read, from its first byte on.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pair_is_kept_and_half_a_pair_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let listen = ["10.1.2.3:443".parse().unwrap(), "[::]:443".parse().unwrap()];
        let first = self_signed(dir.path(), &listen, Some("do.example.vn")).unwrap();
        let second = self_signed(dir.path(), &[], None).unwrap();
        assert_eq!(first.cert_pem, second.cert_pem);
        assert!(ispeed_wire::tls::server_config(&first.cert_pem, &first.key_pem).is_ok());
        assert!(ispeed_wire::tls::client_config(Some(&first.cert_pem)).is_ok());
        fs::remove_file(dir.path().join(KEY_FILE)).unwrap();
        let error = self_signed(dir.path(), &listen, None).unwrap_err();
        assert!(error.to_string().contains("key.pem"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_the_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        self_signed(dir.path(), &[], None).unwrap();
        assert_eq!(fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode() & 0o077, 0);
    }
}
