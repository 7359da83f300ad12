//! Takes out what nothing reads because of `none`.

use std::collections::{HashMap, HashSet};

use inceptive_ir::{Checkpoint, NewNode, NodeId, Path};

use super::{Cursor, Lowering};
use crate::{code::Code, diagnostic::Diagnostic};

/// The graph before a part of it is built.
#[derive(Clone, Copy)]
pub(crate) struct Before {
    pub(crate) checkpoint: Checkpoint,
    nodes: usize,
}

impl Lowering<'_> {
    /// The graph as it is now.
    pub(crate) fn before(&self) -> Before {
        Before { checkpoint: self.graph.checkpoint(), nodes: self.graph.len() }
    }

    /// Takes out the nodes of a part that do not lead to its end, and returns the end. Without `none`, such a node is a
    /// mistake.
    pub(crate) fn sweep(&mut self, part: &Path, before: Before, end: Cursor) -> Cursor {
        self.sweep_all(part, before, vec![end]).pop().unwrap_or(end)
    }

    /// The same of a part with several ends.
    pub(crate) fn sweep_all(
        &mut self,
        part: &Path,
        before: Before,
        ends: Vec<Cursor>,
    ) -> Vec<Cursor> {
        let unknown = |ends: Vec<Cursor>| ends.into_iter().map(Cursor::unknown).collect();
        if ends.iter().any(|end| !end.known) {
            return unknown(ends);
        }
        // From the last one, because a graph with many heads is swept as often.
        let of_part = self.graph.ids().rev().take_while(|id| id.index() >= before.nodes);
        let mut leading: HashSet<NodeId> = ends.iter().map(|end| end.node).collect();
        let (mut kept, mut unread) = (Vec::new(), None);
        for id in of_part {
            if leading.remove(&id) {
                let inputs = self.graph.inputs(id);
                leading.extend(inputs.iter().copied());
                kept.push((id, inputs));
            } else {
                unread = Some(id);
            }
        }
        let Some(unread) = unread else { return ends };
        if self.left_out.is_empty() {
            self.report_unread(unread);
            return unknown(ends);
        }
        let node = |(id, inputs)| (id, NewNode::from(self.graph.node(id)), inputs);
        let kept: Vec<(NodeId, NewNode, Vec<NodeId>)> = kept.into_iter().rev().map(node).collect();
        self.graph.go_back(before.checkpoint);
        let mut moved: HashMap<NodeId, NodeId> = HashMap::with_capacity(kept.len());
        let mut order = Vec::with_capacity(kept.len());
        for (old, node, inputs) in kept {
            let inputs: Vec<NodeId> =
                inputs.into_iter().map(|id| moved.get(&id).copied().unwrap_or(id)).collect();
            let Ok(new) = self.graph.add(node, &inputs) else { return unknown(ends) };
            moved.insert(old, new);
            order.push((old, new));
        }
        self.channels.keep(before.nodes, &order);
        for (_, place) in self.places_of(part) {
            if place.known && place.node.index() >= before.nodes {
                *place = match moved.get(&place.node) {
                    Some(&node) => Cursor::at(node),
                    None => place.absent(),
                };
            }
        }
        let moved =
            |end: Cursor| Cursor { node: moved.get(&end.node).copied().unwrap_or(end.node), ..end };
        ends.into_iter().map(moved).collect()
    }

    fn places_of<'p>(
        &'p mut self,
        part: &'p Path,
    ) -> impl Iterator<Item = (&'p Path, &'p mut Cursor)> {
        let places = self.places.range_mut(part.clone()..);
        places.take_while(|(path, _)| path.as_str().starts_with(part.as_str()))
    }

    fn report_unread(&self, node: NodeId) {
        let node = self.graph.node(node);
        let message = format!("the result of `{}` is never read", node.path);
        let unread = Diagnostic::new(Code::UnreadStep, message);
        let unread = node.span.map_or(unread.clone(), |span| unread.at(span, "never read"));
        self.sink.push(unread.help("read it with `from`, or remove it"));
    }

    /// Forgets the numbers of steps that are left out: to set them changes nothing.
    pub(crate) fn forget_absent_numbers(&mut self) {
        let places = &self.places;
        let is_there = |path: &Path| places.get(path).is_none_or(|place| !place.is_absent);
        self.written.get_mut().retain(|written| is_there(&written.path));
    }
}
