//! One purchase, judged again and again: what a benchmark of the rules runs.

use super::fact::Phase;
use super::facts::Facts;
use super::judge::{Standing, judge};
use super::resolve::Programmes;
use crate::kernel::class::Class;
use crate::kernel::money::Fen;
use crate::kernel::region::Region;
use crate::kernel::time::Moment;

/// A purchase with everything that judging it needs.
#[derive(Clone, Debug)]
pub struct Workload {
    pub programmes: Programmes,
    pub region: Region,
    pub class: Class,
    pub facts: Facts,
    pub at: Moment,
}

impl Workload {
    /// Resolves, screens all phases and judges once, for a person who holds nothing yet. The
    /// amount, or `None` where the rules refuse. Allocates, but does no input or output.
    pub fn run(&self) -> Option<Fen> {
        let resolution = self.programmes.resolve(self.region, &self.class, self.at);
        let programme = resolution.acting.ok()?;
        let screening = programme.screen(&self.class, &Phase::ALL, &self.facts, self.at);
        judge(&screening, &Standing::default()).ok()?.amount
    }
}
