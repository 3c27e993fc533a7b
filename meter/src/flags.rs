//! A set of flags.

use std::fmt;

use ispeed_protocol::direction::Flag;

/// The flags of one direction: a set, iterated in the order of their declaration.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u32);

impl Flags {
    const ALL: [Flag; 9] = [
        Flag::Unsaturated,
        Flag::CpuLimited,
        Flag::Burst,
        Flag::Proxy,
        Flag::ServerLimited,
        Flag::ByteCapped,
        Flag::Outage,
        Flag::Variable,
        Flag::RwndLimited,
    ];

    /// Adds a flag.
    pub fn insert(&mut self, flag: Flag) {
        self.0 |= Self::bit(flag);
    }

    /// Whether a flag is set.
    pub fn contains(self, flag: Flag) -> bool {
        self.0 & Self::bit(flag) != 0
    }

    /// Whether none is set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both sets together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The flags that are set.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Self::ALL.into_iter().filter(move |&flag| self.contains(flag))
    }

    /// The flags that are set, as the sample carries them.
    pub fn to_vec(self) -> Vec<Flag> {
        self.iter().collect()
    }

    const fn bit(flag: Flag) -> u32 {
        1 << flag as u32
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> Self {
        let mut set = Self::default();
        flags.into_iter().for_each(|flag| set.insert(flag));
        set
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_keeps_what_was_put_in_and_nothing_else() {
        for (index, &flag) in Flags::ALL.iter().enumerate() {
            let one: Flags = [flag].into_iter().collect();
            assert_eq!(one.to_vec(), [flag]);
            assert_eq!(index, flag as usize, "ALL lists every flag in the order of its declaration");
        }
        let both = [Flag::Variable, Flag::Burst].into_iter().collect::<Flags>();
        assert_eq!(both.to_vec(), [Flag::Burst, Flag::Variable]);
        assert!(!both.contains(Flag::Proxy));
        assert!(Flags::default().is_empty());
    }
}
