use std::collections::HashMap;
use std::io::{BufRead as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::*;

/// Two square communes in the indented form of the data set.
fn file(code: &str, west: f64) -> Vec<u8> {
    let (east, south, north) = (west + 0.1, 11.0, 11.1);
    let ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
    serde_json::to_vec_pretty(&serde_json::json!({
        "type": "FeatureCollection",
        "features": [{
            "type": "Feature",
            "id": code,
            "geometry": {"type": "MultiPolygon", "coordinates": [[ring]]},
            "properties": {"code": code, "name": "X", "fullName": format!("Phường {code}"), "areaKm2": 121.0}
        }]
    }))
    .unwrap()
}

/// A server of files that answers the first request for a path in `flaky` with half of the file.
struct Files {
    base: String,
    asked: Arc<AtomicUsize>,
}

fn serve(files: HashMap<String, Vec<u8>>, flaky: &'static str) -> Files {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let failed = Arc::new(Mutex::new(false));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut reader = io::BufReader::new(stream.try_clone().unwrap());
            let mut first = String::new();
            reader.read_line(&mut first).unwrap();
            let mut header = String::new();
            while reader.read_line(&mut header).is_ok_and(|n| n > 2) {
                header.clear();
            }
            counter.fetch_add(1, Ordering::Relaxed);
            let path = first.split(' ').nth(1).unwrap().to_owned();
            let (status, mut body) = files.get(&path).map_or(("404 Not Found", Vec::new()), |f| ("200 OK", f.clone()));
            let mut failed = failed.lock().unwrap();
            if !flaky.is_empty() && path.contains(flaky) && !*failed {
                *failed = true;
                body.truncate(body.len() / 2);
            }
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    Files { base, asked }
}

fn data_set() -> HashMap<String, Vec<u8>> {
    let wards = [
        ("json/geojson/75_dong_nai/wards/25195_a.geojson", file("25195", 106.0)),
        ("json/geojson/75_dong_nai/wards/25210_b.geojson", file("25210", 106.1)),
    ];
    let tree: Vec<_> = wards
        .iter()
        .map(|(path, bytes)| serde_json::json!({"path": path, "type": "blob", "sha": git_hash(bytes), "size": bytes.len()}))
        .chain([serde_json::json!({"path": "json/geojson/75_dong_nai/75_dong_nai.geojson", "type": "blob", "sha": "00", "size": 1})])
        .collect();
    let list = serde_json::to_vec(&serde_json::json!({"sha": "x", "tree": tree, "truncated": false})).unwrap();
    let mut files: HashMap<_, _> = wards.into_iter().map(|(path, bytes)| (format!("/files/{path}"), bytes)).collect();
    files.insert("/list".into(), list);
    files
}

fn source(base: &str) -> Source {
    let options = BuildOptions {
        table: "t".into(),
        valid_from: "2026-04-30".into(),
        source: "made up".into(),
        ..BuildOptions::default()
    };
    Source { list: format!("{base}/list"), files: format!("{base}/files/"), options }
}

#[test]
fn builds_the_public_files_into_a_bundle_and_tries_again_what_came_cut() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("download");
    let server = serve(data_set(), "25210");
    let (bundle, report) = from_public(&http::client(None).unwrap(), &source(&server.base), &cache).unwrap();
    assert_eq!(report.communes, 2);
    let boundaries = Boundaries::load(&bundle).unwrap();
    assert_eq!(boundaries.commune("25195").unwrap().name, "Phường 25195");
    assert_eq!(boundaries.commune("25210").unwrap().province, "75");
    assert_eq!(server.asked.load(Ordering::Relaxed), 4, "list, two files, one of them twice");
    assert!(!cache.exists(), "the download is not kept");
}

#[test]
fn goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("download");
    fs::create_dir_all(&cache).unwrap();
    let files = data_set();
    let first = &files["/files/json/geojson/75_dong_nai/wards/25195_a.geojson"];
    fs::write(cache.join(git_hash(first)), first).unwrap();
    let second = &files["/files/json/geojson/75_dong_nai/wards/25210_b.geojson"];
    fs::write(cache.join(git_hash(second)), b"cut").unwrap();
    let server = serve(files.clone(), "");
    from_public(&http::client(None).unwrap(), &source(&server.base), &cache).unwrap();
    assert_eq!(server.asked.load(Ordering::Relaxed), 2, "the list and the one file that was not whole");
}

#[test]
fn without_a_network_the_error_names_the_host_and_what_to_do() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let error = from_public(&http::client(None).unwrap(), &source(&format!("http://{closed}")), &dir.path().join("d"));
    let line = error.unwrap_err().line().unwrap();
    assert!(line.contains("cannot reach 127.0.0.1") && line.contains("online"), "{line}");
}

#[test]
fn paths_name_province_and_commune() {
    let entry = |path: &str| Entry { path: path.into(), sha: String::new(), size: 0 };
    assert_eq!(entry("json/geojson/01_ha_noi/wards/00004_ba_dinh.geojson").codes(), Some(("01", "00004")));
    for other in ["json/geojson/01_ha_noi/01_ha_noi.geojson", "json/README.md", "json/geojson/x/wards/y.geojson"] {
        assert_eq!(entry(other).codes(), None, "{other}");
    }
}

#[test]
fn gits_name_of_a_file() {
    // `printf 'hello\n' | git hash-object --stdin`
    assert_eq!(git_hash(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
}
