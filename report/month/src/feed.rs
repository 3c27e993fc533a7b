//! Samples into the computer of figures, province by province.

use std::collections::VecDeque;

use ispeed_protocol::Month;
use ispeed_report::{History, MonthComputer, MonthSample, NationMonth, Place, ProvinceMonth, Settings};
use uuid::Uuid;

use crate::error::{MonthError, Result};

/// Feeds one computer. Samples get consecutive numbers in place of their ids: figures depend on the order in which samples come
/// and on nothing else of an id, and so come out equal from the store, the public table and the sealed one.
pub(crate) struct Feed {
    computer: MonthComputer,
    provinces: VecDeque<String>,
    number: u64,
}

impl Feed {
    pub(crate) fn new(settings: Settings, month: Month, places: Vec<Place>, history: History) -> Result<Self> {
        let computer = MonthComputer::new(settings, month, places, history).map_err(of_computer)?;
        Ok(Self { provinces: computer.provinces().into(), computer, number: 0 })
    }

    /// Takes the next sample; finishes the provinces that lie before it.
    pub(crate) fn push(
        &mut self,
        mut sample: MonthSample,
        on_province: &mut dyn FnMut(ProvinceMonth) -> Result<()>,
    ) -> Result<()> {
        let province = sample.province.as_deref().unwrap_or_default();
        while self.provinces.front().is_some_and(|next| next.as_str() < province) {
            self.finish_province(on_province)?;
        }
        self.number += 1;
        sample.id = Uuid::from_u128(self.number.into());
        self.computer.push(&sample).map_err(of_computer)
    }

    fn finish_province(&mut self, on_province: &mut dyn FnMut(ProvinceMonth) -> Result<()>) -> Result<()> {
        let Some(code) = self.provinces.pop_front() else { return Ok(()) };
        on_province(self.computer.finish_province(&code).map_err(of_computer)?)
    }

    /// Finishes the provinces that are left, and the nation.
    pub(crate) fn end(mut self, on_province: &mut dyn FnMut(ProvinceMonth) -> Result<()>) -> Result<NationMonth> {
        while !self.provinces.is_empty() {
            self.finish_province(on_province)?;
        }
        Ok(self.computer.finish())
    }
}

fn of_computer(error: ispeed_report::MonthError) -> MonthError {
    MonthError::Compute(error)
}
