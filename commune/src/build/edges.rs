//! The border as a set of edges, each with the communes whose inside changes across it.
//!
//! A commune's area is where its rings have odd parity (even-odd rule), so an edge two of its rings share falls away, and
//! adding an area to a commune or taking it away is the same: toggling the edges around it.

use std::collections::HashMap;

use super::input::SourceCommune;
use crate::plane::Vertex;

/// A sorted set of communes (indices into the list of communes), by number.
pub(super) type SetId = u32;

/// The empty set.
pub(super) const EMPTY: SetId = 0;

/// Sets of communes, each kept once, with their symmetric differences remembered.
#[derive(Debug)]
pub(super) struct Sets {
    sets: Vec<Vec<u16>>,
    ids: HashMap<Vec<u16>, SetId>,
    differences: HashMap<(SetId, SetId), SetId>,
}

impl Sets {
    pub(super) fn new() -> Self {
        Self { sets: vec![Vec::new()], ids: HashMap::from([(Vec::new(), EMPTY)]), differences: HashMap::new() }
    }

    /// The members of a set, ascending.
    pub(super) fn members(&self, id: SetId) -> &[u16] {
        &self.sets[id as usize]
    }

    /// The set of a single commune.
    pub(super) fn single(&mut self, commune: u16) -> SetId {
        self.intern(vec![commune])
    }

    /// What is in one of the two sets but not in both.
    pub(super) fn difference(&mut self, a: SetId, b: SetId) -> SetId {
        match (a, b) {
            (EMPTY, other) | (other, EMPTY) => return other,
            _ if a == b => return EMPTY,
            _ => {}
        }
        let key = (a.min(b), a.max(b));
        if let Some(id) = self.differences.get(&key) {
            return *id;
        }
        let (a, b) = (self.members(a), self.members(b));
        let mut set: Vec<u16> =
            a.iter().filter(|m| !b.contains(m)).chain(b.iter().filter(|m| !a.contains(m))).copied().collect();
        set.sort_unstable();
        let id = self.intern(set);
        self.differences.insert(key, id);
        id
    }

    fn intern(&mut self, set: Vec<u16>) -> SetId {
        if let Some(id) = self.ids.get(&set) {
            return *id;
        }
        let id = self.sets.len() as SetId;
        self.sets.push(set.clone());
        self.ids.insert(set, id);
        id
    }
}

/// An edge from the lesser vertex `a` to the greater `b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) a: Vertex,
    pub(super) b: Vertex,
    /// Communes whose inside changes across the edge; never [`EMPTY`].
    pub(super) set: SetId,
}

impl Edge {
    /// The edge between two different vertices.
    pub(super) fn new(from: Vertex, to: Vertex, set: SetId) -> Self {
        Self { a: from.min(to), b: from.max(to), set }
    }
}

/// The edges of all rings.
pub(super) fn edges_of(communes: &[SourceCommune], sets: &mut Sets) -> Vec<Edge> {
    let total = communes.iter().flat_map(|commune| &commune.rings).map(|ring| ring.vertices.len()).sum();
    let mut edges = Vec::with_capacity(total);
    for (index, commune) in communes.iter().enumerate() {
        let set = sets.single(index as u16);
        for ring in &commune.rings {
            let shifted = ring.vertices.iter().cycle().skip(1);
            edges
                .extend(ring.vertices.iter().zip(shifted).filter(|(a, b)| a != b).map(|(a, b)| Edge::new(*a, *b, set)));
        }
    }
    merged(edges, sets)
}

/// Makes one edge of those with the same ends; what cancels out falls away.
pub(super) fn merged(mut edges: Vec<Edge>, sets: &mut Sets) -> Vec<Edge> {
    edges.sort_unstable();
    let mut kept = 0;
    let mut at = 0;
    while at < edges.len() {
        let mut edge = edges[at];
        at += 1;
        while let Some(same) = edges.get(at).filter(|next| (next.a, next.b) == (edge.a, edge.b)) {
            edge.set = sets.difference(edge.set, same.set);
            at += 1;
        }
        if edge.set != EMPTY {
            edges[kept] = edge;
            kept += 1;
        }
    }
    edges.truncate(kept);
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_used_twice_by_one_commune_falls_away() {
        let mut sets = Sets::new();
        let (one, two) = (sets.single(1), sets.single(2));
        let (a, b) = (Vertex { x: 0, y: 0 }, Vertex { x: 1, y: 1 });
        assert_eq!(merged(vec![Edge::new(a, b, one), Edge::new(b, a, one)], &mut sets), []);
        let both = merged(vec![Edge::new(a, b, two), Edge::new(b, a, one)], &mut sets);
        assert_eq!(sets.members(both[0].set), [1, 2]);
    }
}
