//! The public page.
#![allow(clippy::unwrap_used, reason = "a failed unwrap here is a failed test, in helpers too")]

mod common;

use axum::body::Body;
use common::{Answer, MINUTE_US, Options, World, at, device, sample, signed};
use http::Request;

async fn page(world: &World, path: &str, accept_language: &str) -> Answer {
    let request = Request::get(path).header("accept-language", accept_language);
    world.send(request.body(Body::empty()).unwrap()).await
}

async fn measured() -> World {
    let world = World::new().await;
    for d in 1..=3 {
        for i in 0..4 {
            let start = at("2026-11-23T02:00:00Z").plus_micros(i * 3 * MINUTE_US);
            let mut one = sample(u128::from(d) * 100 + i as u128, start, &device(d));
            if d == 3 {
                one.transport.vpn = Some(true);
            }
            assert_eq!(world.put(&signed(&one, &device(d))).await.status, 200);
        }
    }
    world
}

#[tokio::test]
async fn it_speaks_vietnamese_first_and_english_when_asked() {
    let world = measured().await;
    let vi = page(&world, "/", "").await;
    assert_eq!((vi.header("content-language"), vi.header("vary")), ("vi", "accept-language"));
    let text = vi.text();
    for expected in [
        "<html lang=\"vi\">",
        "Tiến độ tháng 11/2026",
        "Phường Bình Phước",
        "Còn thiếu mẫu: 3.321 xã, phường, đặc khu",
        "ispeed không phải là ứng dụng i-Speed của VNNIC",
        "Hoàng Sa",
        "Trường Sa",
        "Phép đo đi qua VPN",
        "không thay thế đo kiểm theo quy chuẩn",
    ] {
        assert!(text.contains(expected), "{expected}");
    }
    let first = text.find("<tbody>").unwrap();
    assert!(text[first..].find("Phường Bình Phước").unwrap() < 200, "who has samples stands first");
    let en = page(&world, "/", "en-GB,en;q=0.8").await.text();
    assert!(en.contains("Progress in November 2026") && en.contains("Short of samples: 3,321 communes"));
    assert!(page(&world, "/?lang=vi", "en").await.text().contains("<html lang=\"vi\">"), "the address decides");
    assert!(page(&world, "/?lang=en", "vi").await.text().contains("lang=en"), "links keep what the address says");
}

#[tokio::test]
async fn it_loads_nothing_from_elsewhere_and_runs_no_script() {
    let world = measured().await;
    let answer = page(&world, "/", "").await;
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let text = answer.text();
    for forbidden in ["<script", "style=\"", " src=", "http://", "onclick"] {
        assert!(!text.contains(forbidden), "{forbidden}");
    }
    for link in text.split("href=\"").skip(1).map(|l| l.split('"').next().unwrap()) {
        assert!(link.starts_with('/') || link.starts_with('#'), "{link}");
        let path = link.split('#').next().unwrap().replace("&amp;", "&");
        if !path.is_empty() {
            assert_eq!(page(&world, &path, "").await.status, 200, "{link}");
        }
    }
}

#[tokio::test]
async fn a_province_lists_all_its_communes_and_a_wrong_one_is_said() {
    let world = measured().await;
    let text = page(&world, "/?province=75&month=2026-11", "").await.text();
    assert!(text.contains("Còn thiếu mẫu: 95 xã"));
    assert!(text.contains("<option value=\"75\" selected>Thành phố Đồng Nai</option>"));
    assert!(!text.contains("Theo tỉnh, thành phố"));
    for wrong in ["/?province=00", "/?month=soon", "/?province=%3Cscript%3E"] {
        let text = page(&world, wrong, "").await.text();
        assert!(text.contains("Không có tháng hoặc tỉnh"), "{wrong}");
        assert!(!text.contains("<script"), "{wrong}");
    }
    assert!(!page(&world, "/?province=", "").await.text().contains("Không có tháng hoặc tỉnh"), "an empty form field");
}

#[tokio::test]
async fn the_national_list_is_whole_over_its_pages() {
    let world = World::new().await;
    let mut codes = std::collections::HashSet::new();
    for n in 1..=34 {
        let text = page(&world, &format!("/?page={n}"), "en").await.text();
        let list = &text[text.find("<tbody>").unwrap()..text.find("</tbody>").unwrap()];
        for row in list.split("</tr>").filter(|row| row.contains("<tr>")) {
            let code = row.split("<td class=\"wide\">").nth(1).unwrap().split('<').next().unwrap();
            assert!(codes.insert(code.to_owned()), "{code} twice");
        }
    }
    assert_eq!(codes.len(), 3321);
    assert!(page(&world, "/?page=99", "en").await.text().contains("Page 34 of 34"));
}

#[tokio::test]
async fn a_demo_says_that_it_is_one() {
    let world = World::with(Options { accept_simulated: true, ..Options::default() }).await;
    assert!(page(&world, "/", "").await.text().contains("Bản trình diễn"));
    assert!(!page(&World::new().await, "/", "").await.text().contains("Bản trình diễn"));
}
