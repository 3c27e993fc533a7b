//! Chains of edges between nodes.

use crate::plane::Vertex;

/// A chain of edges; its inner vertices lie on no other chain. A closed chain begins and ends at the same vertex.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arc<T> {
    pub(super) vertices: Vec<Vertex>,
    /// What all its edges have in common, seen along it.
    pub(super) label: T,
}

/// What the edges of an arc have in common.
pub(super) trait Label: Copy + PartialEq {
    /// The same seen the other way along.
    fn reversed(self) -> Self;
}

/// Chains edges into arcs. `edges` are from the lesser to the greater vertex and differ in their ends.
///
/// Arcs end at nodes: vertices with other than two edges, or where the label changes.
pub(super) fn chain<T: Label>(edges: &[(Vertex, Vertex, T)]) -> Vec<Arc<T>> {
    let graph = Graph::new(edges);
    let mut used = vec![false; edges.len()];
    let mut arcs = Vec::new();
    for corner in 0..graph.corners() {
        if graph.is_node(corner) {
            for &edge in graph.around(corner) {
                if !used[edge as usize] {
                    arcs.push(graph.walk(corner, edge, &mut used));
                }
            }
        }
    }
    // What is left are rings without any node.
    for edge in 0..edges.len() {
        if !used[edge] {
            arcs.push(graph.walk(graph.corner_of[edge][0], edge as u32, &mut used));
        }
    }
    arcs
}

struct Graph<'a, T> {
    edges: &'a [(Vertex, Vertex, T)],
    /// Number of the vertex at either end of each edge: its corner.
    corner_of: Vec<[u32; 2]>,
    /// Edges of corner `i` are `incident[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    incident: Vec<u32>,
}

impl<'a, T: Label> Graph<'a, T> {
    fn new(edges: &'a [(Vertex, Vertex, T)]) -> Self {
        let ends = edges.iter().enumerate().flat_map(|(edge, (a, b, _))| [(*a, edge as u32, 0), (*b, edge as u32, 1)]);
        let mut ends: Vec<(Vertex, u32, usize)> = ends.collect();
        ends.sort_unstable();
        let mut graph = Self {
            edges,
            corner_of: vec![[0; 2]; edges.len()],
            starts: Vec::new(),
            incident: Vec::with_capacity(ends.len()),
        };
        for (at, (vertex, edge, end)) in ends.iter().enumerate() {
            if at == 0 || ends[at - 1].0 != *vertex {
                graph.starts.push(at as u32);
            }
            graph.corner_of[*edge as usize][*end] = graph.starts.len() as u32 - 1;
            graph.incident.push(*edge);
        }
        graph.starts.push(ends.len() as u32);
        graph
    }

    fn corners(&self) -> u32 {
        self.starts.len() as u32 - 1
    }

    fn around(&self, corner: u32) -> &[u32] {
        &self.incident[self.starts[corner as usize] as usize..self.starts[corner as usize + 1] as usize]
    }

    /// The label of an edge seen from one of its corners.
    fn label(&self, edge: u32, from: u32) -> T {
        let label = self.edges[edge as usize].2;
        if self.corner_of[edge as usize][0] == from { label } else { label.reversed() }
    }

    fn is_node(&self, corner: u32) -> bool {
        match self.around(corner) {
            [e, f] => self.label(*e, corner) != self.label(*f, corner).reversed(),
            _ => true,
        }
    }

    fn vertex(&self, edge: u32, end: usize) -> Vertex {
        let (a, b, _) = self.edges[edge as usize];
        if end == 0 { a } else { b }
    }

    fn walk(&self, start: u32, first: u32, used: &mut [bool]) -> Arc<T> {
        let mut vertices = Vec::new();
        let (mut corner, mut edge) = (start, first);
        loop {
            used[edge as usize] = true;
            let near = usize::from(self.corner_of[edge as usize][0] != corner);
            if vertices.is_empty() {
                vertices.push(self.vertex(edge, near));
            }
            vertices.push(self.vertex(edge, 1 - near));
            corner = self.corner_of[edge as usize][1 - near];
            if corner == start || self.is_node(corner) {
                return Arc { vertices, label: self.label(first, start) };
            }
            let next = self.around(corner).iter().find(|next| **next != edge);
            edge = *next.expect("a corner that is no node has two edges");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_and_a_fork() {
        let v = |x, y| Vertex { x, y };
        let ring = [(v(0, 0), v(0, 1), 1u32), (v(0, 0), v(1, 0), 1), (v(0, 1), v(1, 0), 1)];
        let arcs = chain(&ring);
        assert_eq!(arcs.len(), 1);
        assert_eq!(arcs[0].vertices.first(), arcs[0].vertices.last());
        let fork = [(v(0, 0), v(5, 5), 1u32), (v(5, 5), v(9, 0), 1), (v(5, 5), v(9, 9), 1), (v(9, 0), v(9, 1), 2)];
        let mut lengths: Vec<usize> = chain(&fork).iter().map(|arc| arc.vertices.len()).collect();
        lengths.sort_unstable();
        assert_eq!(lengths, [2, 2, 2, 2]);
    }
}
