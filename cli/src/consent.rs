//! Asking for consent: nothing is shared and nothing handed in before a person chose, and the choice is kept with its time.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use ispeed_core::consent::CLI_DEFAULT_SHARE;
use ispeed_core::outbox::Outbox;
use ispeed_protocol::UtcMicros;
use ispeed_protocol::consent::{Consent, Share};
use ispeed_verdict::Lang;

use crate::commands::measure::of_core;
use crate::error::{CliError, Result};
use crate::lang::pick;
use crate::output::live::say;

/// Version of the texts below; raised with every change of what they say.
const TEXT_VERSION: &str = "cli-1";

const TEXT_VI: &str = "\
Kết quả đo được lưu trên máy này. Nếu bạn đồng ý, chương trình gửi kết quả về máy chủ thu thập: tốc độ, độ trễ, nhà mạng,
công nghệ mạng, thời gian, và nơi đo ở mức xã, phường cùng ô lưới 200 m (không gửi tọa độ). Không có tên, số điện thoại hay
tài khoản. Mục đích: thống kê chất lượng băng rộng di động theo xã, phường. Bạn có thể rút lại sự đồng ý
(ispeed outbox consent --withdraw) và yêu cầu xóa dữ liệu (ispeed me delete) bất cứ lúc nào.";

const TEXT_EN: &str = "\
Results are kept on this machine. If you agree, the program hands them in to the collector: speeds, latency, operator, radio
technology, time, and the place as commune and 200 m cell (no coordinates). No name, no phone number, no account. Purpose:
statistics of mobile broadband by commune. You can withdraw (ispeed outbox consent --withdraw) and have your data deleted
(ispeed me delete) at any time.";

/// The consent that rules a run: the one asked for on the command line, else the one recorded, else the answer of the person
/// at the terminal, else, where nobody can be asked, the documented default of the command.
///
/// A consent that was withdrawn is not given again by a script: that takes the option or the person.
pub(crate) fn settle(outbox: &Outbox, asked: Option<Share>, lang: Lang, now: UtcMicros) -> Result<Consent> {
    settle_with(outbox, asked, lang, now, can_ask())
}

fn settle_with(outbox: &Outbox, asked: Option<Share>, lang: Lang, now: UtcMicros, can_ask: bool) -> Result<Consent> {
    let recorded = outbox.consent().map_err(of_core)?;
    let chosen = match (asked, recorded) {
        (Some(share), Some(consent)) if consent.run && consent.upload && consent.share == share => return Ok(consent),
        (Some(share), _) => consent(now, share, true),
        (None, Some(consent)) if consent.run => return Ok(consent),
        (None, _) if can_ask => ask(lang, now),
        (None, Some(_)) => {
            return Err(CliError::failed(
                "the consent was withdrawn on this machine, so nothing is measured",
                "agree again with `--share commune`",
            ));
        }
        (None, None) => {
            // A script, a probe: whoever starts it agrees by starting it, to what `--help` states and no more.
            say(format!(
                "ispeed: {}",
                pick(
                    lang,
                    "ghi nhận sự đồng ý: gửi kết quả kèm xã, phường và ô lưới 200 m (mặc định --share commune); từ chối bằng \
                     --share none --no-upload",
                    "records your consent: hands in results with commune and 200 m cell (default --share commune); refuse \
                     with --share none --no-upload",
                )
            ));
            consent(now, CLI_DEFAULT_SHARE, true)
        }
    };
    outbox.record_consent(&chosen).map_err(of_core)?;
    Ok(chosen)
}

/// A consent to the texts of this program.
pub(crate) fn consent(at: UtcMicros, share: Share, upload: bool) -> Consent {
    Consent { version: TEXT_VERSION.to_owned(), at, run: true, share, upload }
}

fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

fn ask(lang: Lang, now: UtcMicros) -> Consent {
    say(pick(lang, TEXT_VI, TEXT_EN));
    let _ = write!(std::io::stderr(), "{} ", pick(lang, "Đồng ý? [c = có / K = không]", "Agree? [y = yes / N = no]"));
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    // No answer is no consent.
    let _ = std::io::stdin().lock().read_line(&mut answer);
    let yes = matches!(answer.trim().to_lowercase().as_str(), "c" | "có" | "co" | "y" | "yes");
    if yes { consent(now, CLI_DEFAULT_SHARE, true) } else { consent(now, Share::None, false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMicros = UtcMicros(1_790_000_000_000_000);

    fn outbox() -> (tempfile::TempDir, Outbox) {
        let dir = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(dir.path().join("outbox.db"), NOW).unwrap();
        (dir, outbox)
    }

    #[test]
    fn where_nobody_can_be_asked_the_documented_default_is_recorded() {
        let (_dir, outbox) = outbox();
        let consent = settle_with(&outbox, None, Lang::En, NOW, false).unwrap();
        assert!(consent.upload && consent.share == CLI_DEFAULT_SHARE);
        assert_eq!(outbox.consents().unwrap().len(), 1);
    }

    #[test]
    fn a_script_does_not_take_back_a_withdrawal() {
        let (_dir, outbox) = outbox();
        settle(&outbox, Some(Share::Commune), Lang::En, NOW).unwrap();
        outbox.withdraw_consent(NOW.plus_micros(1)).unwrap();
        assert!(settle_with(&outbox, None, Lang::En, NOW.plus_micros(2), false).is_err());
        assert!(settle(&outbox, Some(Share::Commune), Lang::En, NOW.plus_micros(3)).unwrap().upload);
    }

    #[test]
    fn a_choice_on_the_command_line_is_recorded_once() {
        let (_dir, outbox) = outbox();
        for _ in 0..2 {
            let consent = settle(&outbox, Some(Share::Commune), Lang::En, NOW).unwrap();
            assert!(consent.upload && consent.share == Share::Commune);
        }
        assert_eq!(outbox.consents().unwrap().len(), 1);
        settle(&outbox, Some(Share::None), Lang::En, NOW).unwrap();
        assert_eq!(outbox.consent().unwrap().unwrap().share, Share::None, "the newest rules");
        let later = settle_with(&outbox, None, Lang::En, NOW.plus_micros(5), false).unwrap();
        assert_eq!((later.share, later.at), (Share::None, NOW), "what was recorded stays");
    }
}
