//! What a person sees while something runs: on standard error, redrawn on a terminal, plain lines elsewhere.

use std::io::{IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ispeed_core::engine::{Phase, Progress};
use ispeed_verdict::Lang;
use serde::Serialize;
use tokio::sync::watch;

use super::{Format, Out, words};
use crate::error::Result;
use crate::lang::{mbps, megabytes, number};

/// A bar that counts to `length`; invisible where standard error is no terminal.
pub(crate) fn bar(length: u64, what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), target());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} {eta}") {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar
}

/// Redrawing needs a terminal that can; with standard output in a pipe plain lines mix better with what follows it.
fn can_redraw() -> bool {
    std::io::stderr().is_terminal()
        && std::io::stdout().is_terminal()
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn target() -> ProgressDrawTarget {
    if can_redraw() { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() }
}

/// A line for standard error. It may be closed; there is nobody to tell then.
pub(crate) fn say(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
}

/// How a run is shown.
pub(crate) struct Live {
    lang: Lang,
    commune: Option<String>,
    spinner: Option<ProgressBar>,
    quiet: bool,
}

impl Live {
    /// `commune` is the one known before the run begins.
    pub(crate) fn new(lang: Lang, quiet: bool, commune: Option<String>) -> Self {
        let spinner = (!quiet && can_redraw()).then(|| {
            let spinner = ProgressBar::with_draw_target(None, target());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                spinner.set_style(style);
            }
            spinner
        });
        Self { lang, commune, spinner, quiet }
    }

    /// Follows a run to its end. With `jsonl` each picture is a line of standard output as well.
    pub(crate) async fn follow(
        &self,
        mut progress: watch::Receiver<Progress>,
        format: Format,
        out: &mut Out,
    ) -> Result<()> {
        let mut last = Progress::default();
        loop {
            let shown = progress.borrow_and_update().clone();
            if format == Format::Jsonl {
                out.json_line(&Event::of(&shown))?;
                out.flush()?;
            }
            self.show(&last, &shown);
            last = shown;
            if last.phase == Phase::Done || progress.changed().await.is_err() {
                break;
            }
        }
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
        Ok(())
    }

    fn show(&self, last: &Progress, shown: &Progress) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(self.text(shown));
            spinner.tick();
        } else if !self.quiet && last.phase != shown.phase {
            // Without redrawing, a line a phase: what the one before came to, and which begins.
            if last.rate_bps.is_some() {
                say(format!("  {}", figures(self.lang, last)));
            }
            if shown.phase != Phase::Done {
                say(words::phase(self.lang, shown.phase));
            }
        }
    }

    fn text(&self, shown: &Progress) -> String {
        let mut parts = vec![words::phase(self.lang, shown.phase).to_owned()];
        if shown.rate_bps.is_some() || shown.latency_ms.is_some() {
            parts.push(figures(self.lang, shown));
        }
        parts.extend(self.commune.clone());
        parts.join("  ")
    }
}

/// `38,62 Mbps ±2,9 %  41 ms  12,3 MB`.
fn figures(lang: Lang, shown: &Progress) -> String {
    let mut parts = Vec::new();
    if let Some(rate_bps) = shown.rate_bps {
        let doubt = shown
            .interval_bps
            .filter(|_| rate_bps > 0.0)
            .map(|[low, high]| format!(" ±{} %", number(lang, (high - low) / 2.0 / rate_bps * 100.0, 1)));
        parts.push(format!("{}{}", mbps(lang, rate_bps), doubt.unwrap_or_default()));
    }
    parts.extend(shown.loaded_ms.or(shown.latency_ms).map(|ms| format!("{} ms", number(lang, ms, 0))));
    parts.push(megabytes(lang, shown.bytes_down + shown.bytes_up));
    parts.join("  ")
}

/// A picture of a run as a line of JSON; told from the document by its member `event`.
#[derive(Serialize)]
struct Event<'a> {
    event: &'static str,
    phase: &'static str,
    elapsed_ms: u64,
    rate_bps: Option<f64>,
    interval_bps: Option<[f64; 2]>,
    latency_ms: Option<f64>,
    loaded_ms: Option<f64>,
    bytes_down: u64,
    bytes_up: u64,
    flows: u8,
    server: Option<&'a str>,
}

impl<'a> Event<'a> {
    fn of(shown: &'a Progress) -> Self {
        Self {
            event: "progress",
            phase: match shown.phase {
                Phase::Connecting => "connecting",
                Phase::Latency => "latency",
                Phase::Download => "download",
                Phase::Upload => "upload",
                Phase::Finishing => "finishing",
                Phase::Done => "done",
            },
            elapsed_ms: shown.elapsed_ms,
            rate_bps: shown.rate_bps,
            interval_bps: shown.interval_bps,
            latency_ms: shown.latency_ms,
            loaded_ms: shown.loaded_ms,
            bytes_down: shown.bytes_down,
            bytes_up: shown.bytes_up,
            flows: shown.flows,
            server: shown.server.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doubt_narrows_in_percent() {
        let shown = Progress {
            rate_bps: Some(40e6),
            interval_bps: Some([38e6, 42e6]),
            latency_ms: Some(41.4),
            bytes_down: 12_300_000,
            ..Progress::default()
        };
        assert_eq!(figures(Lang::En, &shown), "40.00 Mbps ±5.0 %  41 ms  12.3 MB");
        assert_eq!(figures(Lang::Vi, &Progress::default()), "0,0 MB");
    }
}
