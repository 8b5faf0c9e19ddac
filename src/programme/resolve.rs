//! Which programme acts: by class, place and moment.

use super::calendar::Interval;
use super::check;
use super::complaint::Complaint;
use super::model::Programme;
use super::sentence;
use crate::kernel::class::Class;
use crate::kernel::refusal::Refusal;
use crate::kernel::region::Region;
use crate::kernel::time::Moment;
use std::collections::HashMap;
use std::sync::Arc;

/// All published versions. Immutable: a publication makes a new set.
#[derive(Clone, Debug, Default)]
pub struct Programmes {
    all: Vec<Arc<Programme>>,
    /// By id, highest version first.
    by_id: HashMap<String, Vec<Arc<Programme>>>,
    /// By class, those that pay or drop it, nearest place first, then highest version.
    by_class: HashMap<Class, Vec<Arc<Programme>>>,
}

/// Which programme acts, and as long as the moment lies in `holds`, none other does.
#[derive(Clone, Debug)]
pub struct Resolution {
    pub acting: Result<Arc<Programme>, Arc<Refusal>>,
    pub holds: Interval,
}

impl Programmes {
    /// Compiles texts into a set, given as (name of the file, text).
    ///
    /// # Errors
    /// Every complaint about every file, with its name; examples are not run.
    pub fn from_texts<N: Into<String>, T: AsRef<str>>(
        texts: impl IntoIterator<Item = (N, T)>,
    ) -> Result<Programmes, Vec<(String, Complaint)>> {
        let texts: Vec<(String, T)> = texts.into_iter().map(|(n, t)| (n.into(), t)).collect();
        let checked = check::compile_all(texts.iter().map(|(n, t)| (n.as_str(), t.as_ref())));
        let wrong = checked.files.into_iter().flat_map(|file| {
            file.complaints.into_iter().map(move |complaint| (file.name.clone(), complaint))
        });
        let wrong: Vec<_> = wrong.collect();
        if wrong.is_empty() { Ok(checked.programmes) } else { Err(wrong) }
    }

    pub(crate) fn new(all: Vec<Arc<Programme>>) -> Programmes {
        let mut by_id: HashMap<String, Vec<Arc<Programme>>> = HashMap::new();
        let mut by_class: HashMap<Class, Vec<Arc<Programme>>> = HashMap::new();
        for programme in &all {
            by_id.entry(programme.id.clone()).or_default().push(Arc::clone(programme));
            for class in programme.classes.iter().chain(&programme.drops) {
                by_class.entry(class.clone()).or_default().push(Arc::clone(programme));
            }
        }
        for programmes in by_class.values_mut() {
            programmes.sort_by_key(|it| std::cmp::Reverse((nearness(it.region), it.version)));
        }
        for versions in by_id.values_mut() {
            versions.sort_by_key(|it| std::cmp::Reverse(it.version));
        }
        Programmes { all, by_id, by_class }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Programme>> {
        self.all.iter()
    }

    /// The version of this content hash.
    pub fn by_hash(&self, hash: &str) -> Option<&Arc<Programme>> {
        self.all.iter().find(|programme| programme.hash == hash)
    }

    /// The version of a programme that is in force at a moment.
    pub fn version_at(&self, id: &str, at: Moment) -> Option<&Arc<Programme>> {
        self.versions(id).iter().find(|it| it.valid.contains(at) && it.decides_from <= at)
    }

    /// The version of a programme that decides, at a moment, on a purchase of another day: a raise
    /// may reach back.
    pub fn version_for(&self, id: &str, at: Moment, now: Moment) -> Option<&Arc<Programme>> {
        self.versions(id).iter().find(|it| it.valid.contains(at) && it.decides_from <= now)
    }

    fn versions(&self, id: &str) -> &[Arc<Programme>] {
        self.by_id.get(id).map(Vec::as_slice).unwrap_or_default()
    }

    /// The programme that acts in an operating region for a class at a moment: the city's, else
    /// its province's, else the nation's.
    pub fn resolve(&self, region: Region, class: &Class, at: Moment) -> Resolution {
        let mut resolution = self.resolve_submission(region, class, at, at);
        let candidates = self.candidates(region, class);
        for version in candidates.flat_map(|candidate| self.versions(&candidate.id)) {
            resolution.holds.cut_around(version.valid, at);
        }
        resolution
    }

    /// The same for an application: the day of its last document decides which programme, the
    /// moment of its submission which version of it. Only the latter passes, so `holds` is about
    /// the submission.
    pub fn resolve_submission(
        &self,
        region: Region,
        class: &Class,
        at: Moment,
        submitted_at: Moment,
    ) -> Resolution {
        let mut holds = Interval::default();
        let mut acting = None;
        for candidate in self.candidates(region, class) {
            let versions = self.versions(&candidate.id);
            versions.iter().for_each(|it| holds.cut(it.decides_from, submitted_at));
            let decides =
                |it: &&Arc<Programme>| it.valid.contains(at) && it.decides_from <= submitted_at;
            // A version acts for no class once a higher one is in force, not even for those that
            // the higher one does not name.
            let highest = versions.iter().find(decides);
            if acting.is_none() && highest.is_some_and(|it| Arc::ptr_eq(it, candidate)) {
                acting = Some(candidate);
            }
        }
        let acting = acting.filter(|programme| programme.classes.contains(class));
        let acting = acting.cloned().ok_or_else(|| Arc::new(sentence::NOT_COVERED));
        Resolution { acting, holds }
    }

    /// What might act, nearest place first, then highest version.
    fn candidates(&self, region: Region, class: &Class) -> impl Iterator<Item = &Arc<Programme>> {
        let of_class = self.by_class.get(class).map(Vec::as_slice).unwrap_or_default();
        of_class.iter().filter(move |programme| programme.region.contains(region))
    }
}

/// The nation, a province, a city, a county: the nearer the place, the higher.
fn nearness(region: Region) -> u8 {
    match region.code() {
        100_000 => 0,
        code if code.is_multiple_of(10_000) => 1,
        code if code.is_multiple_of(100) => 2,
        _ => 3,
    }
}
