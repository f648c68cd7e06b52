//! What arrives at a node by its links.

use std::collections::BTreeMap;

use super::{
    batches::LoopItem,
    draft::Draft,
    policy::has_error_output,
    sight::{Reading, View},
    source::Link,
    types::{self, Runs},
};

/// Most links of a node that are compared with each other.
const MAX_COMPARED: usize = 16;
/// Stands for the choice of the trigger.
const TRIGGER: usize = usize::MAX;

/// The outputs that were chosen for sure where a node runs, by the node that chose.
type Chosen = BTreeMap<usize, usize>;

/// The choices before each node.
#[derive(Clone, Debug, Default)]
pub(super) struct Choices {
    of: BTreeMap<usize, Chosen>,
}

/// What arrives at a node.
#[derive(Clone, Debug)]
pub(super) struct Inbound {
    /// What its input is.
    pub(super) reading: Reading,
    /// Whether several links may be taken, so that its input is a list of what they bring.
    pub(super) is_list_of_branches: bool,
    /// How many links lead to it.
    pub(super) count: usize,
}

impl Draft<'_> {
    /// What arrives at a node.
    pub(super) fn inbound(&mut self, index: usize, links: &[Link], item: Option<&LoopItem>) -> Inbound {
        let chosen: Vec<Chosen> = links.iter().map(|link| self.chosen(link)).collect();
        let common = chosen.iter().skip(1).fold(chosen.first().cloned().unwrap_or_default(), |all, other| {
            all.into_iter().filter(|(node, output)| other.get(node) == Some(output)).collect()
        });
        let common = if types::is_trigger(self.source.nodes[index].kind) {
            Chosen::from([(TRIGGER, index)])
        } else {
            common
        };
        self.choices.of.insert(index, common);
        let readings: Vec<Reading> = links.iter().map(|link| self.given(link)).collect();
        let is_list_of_branches = links.len() > 1 && !are_exclusive(&chosen);
        let reading = match readings.split_first() {
            None => item.map(|item| item.reading.clone()).unwrap_or_default(),
            Some((first, rest)) if rest.iter().all(|other| other == first) && !is_list_of_branches => {
                first.clone()
            }
            Some((first, rest)) => {
                let is_same = rest.iter().all(|other| other.view == first.view);
                Reading { many: false, view: if is_same { first.view.clone() } else { View::default() } }
            }
        };
        Inbound { reading, is_list_of_branches, count: links.len() }
    }

    /// What a link brings.
    fn given(&self, link: &Link) -> Reading {
        match self.drawn.get(&link.from) {
            Some(drawn) if link.output < drawn.ports.len() => drawn.gives.clone(),
            _ => Reading::one(),
        }
    }

    fn chosen(&self, link: &Link) -> Chosen {
        let mut chosen = self.choices.of.get(&link.from).cloned().unwrap_or_default();
        let node = &self.source.nodes[link.from];
        let chooses = types::find(node.kind).is_some_and(|row| row.runs == Runs::Chooses);
        if chooses || has_error_output(node) {
            chosen.insert(link.from, link.output);
        }
        chosen
    }
}

/// Whether at most one of several links is taken.
fn are_exclusive(chosen: &[Chosen]) -> bool {
    let differs = |left: &Chosen, right: &Chosen| {
        left.iter().any(|(node, output)| right.get(node).is_some_and(|other| other != output))
    };
    chosen.len() <= MAX_COMPARED
        && chosen
            .iter()
            .enumerate()
            .all(|(place, left)| chosen.iter().skip(place + 1).all(|right| differs(left, right)))
}
