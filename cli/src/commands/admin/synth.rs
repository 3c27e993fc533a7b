//! `ispeed admin synth`: a made-up month.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ispeed_protocol::Month;
use ispeed_server::synth::{MonthSpec, Synth, SynthError, write};
use ispeed_verdict::Lang;

use crate::error::{CliError, Result};
use crate::lang::number;
use crate::output::Out;
use crate::store::{self, ServerArgs};
use crate::{http, place};

/// Name under which receipts of made-up samples are given.
const COLLECTOR: &str = "synthetic";
/// Between two lines of progress on a terminal.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The month, YYYY-MM.
    #[arg(long, value_name = "YYYY-MM")]
    month: Month,
    /// How many samples, of all kinds.
    #[arg(long, value_name = "N")]
    samples: u64,
    /// Another seed, another country.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Only this province.
    #[arg(long, value_name = "CODE")]
    province: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn run(args: &Args, lang: Lang) -> Result<()> {
    let communes = place::communes(None, &args.server.data)?;
    let key = args.server.key_or_make()?;
    let spec = MonthSpec { month: args.month, samples: args.samples, seed: args.seed, province: args.province.clone() };
    let begun = Instant::now();
    let synth = Arc::new(Synth::plan(spec, &communes).map_err(of_synth)?);
    let planned = begun.elapsed();
    let mut progress = Progress { all: synth.len() as u64, begun: Instant::now(), said: Instant::now() };
    let written = http::block_on(async {
        let store = args.server.open_or_make().await?;
        let written = write(&*store, &key, COLLECTOR, synth, |done| progress.say(done)).await.map_err(of_synth)?;
        store.close().await.map_err(|error| store::failed(&error))?;
        Ok(written)
    })?;
    let seconds = progress.begun.elapsed().as_secs_f64();
    let rate = written.samples as f64 / seconds.max(0.001);
    let n = |value: u64| number(lang, value as f64, 0);
    let (samples, devices, rate) = (n(written.samples), n(written.devices), number(lang, rate, 0));
    let (planned, seconds) = (number(lang, planned.as_secs_f64(), 1), number(lang, seconds, 1));
    let mut out = Out::new();
    out.line(match lang {
        Lang::Vi => format!(
            "Tháng {}: {samples} mẫu tổng hợp của {devices} thiết bị; lập kế hoạch {planned} s, ghi {seconds} s, {rate} mẫu/s",
            args.month
        ),
        Lang::En => format!(
            "{}: {samples} synthetic samples of {devices} devices; planned in {planned} s, written in {seconds} s, {rate} samples/s",
            args.month
        ),
    })?;
    out.flush()
}

struct Progress {
    all: u64,
    begun: Instant,
    said: Instant,
}

impl Progress {
    /// On a terminal, now and then.
    fn say(&mut self, done: u64) {
        if self.said.elapsed() >= PROGRESS_EVERY && std::io::stderr().is_terminal() {
            self.said = Instant::now();
            let rate = done as f64 / self.begun.elapsed().as_secs_f64();
            eprintln!("{done} / {}  {rate:.0}/s", self.all);
        }
    }
}

fn of_synth(error: SynthError) -> CliError {
    match &error {
        SynthError::Samples(_) | SynthError::Province(_) => {
            CliError::usage(format_args!("--{error}"), "mend the argument")
        }
        SynthError::Real(_) => CliError::failed(&error, "name an empty folder with --data, or an empty database"),
        SynthError::Again(..) => CliError::failed(&error, "nothing was written"),
        _ => CliError::failed(&error, "begin again with an empty folder or database: what was made is not whole"),
    }
}
