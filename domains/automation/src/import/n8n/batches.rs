//! Nodes that split into batches, as loops.

use serde_json::Value;

use super::{
    draft::{Draft, Drawn, Looping, Place},
    joins::Inbound,
    plan::Scope,
    sight::{Base, Reading, View},
};
use crate::graph::{Graph, MAIN};

/// Most items of a batch.
const MAX_BATCH: u64 = 10_000;

/// The item of the loop around a node.
#[derive(Clone, Debug)]
pub(super) struct LoopItem {
    /// The node that splits.
    pub(super) node: usize,
    /// What an item of the loop is.
    pub(super) reading: Reading,
}

impl LoopItem {
    /// The item as expressions name it.
    pub(super) fn base(&self) -> Base {
        let view = self.reading.view.clone();
        if self.reading.many {
            return Base { item: "item[0]".to_owned(), list: Some("item".to_owned()), view };
        }
        Base { item: "item".to_owned(), list: None, view }
    }
}

impl Draft<'_> {
    /// Draws a loop with its body.
    pub(super) fn batches(
        &mut self,
        index: usize,
        (body, arrives): (&Scope, &Inbound),
        place: Place<'_>,
        graph: &mut Graph,
    ) {
        let source = &self.source.nodes[index];
        let given = source.parameters.get("batchSize");
        let batch_size = match given {
            None | Some(Value::Null) if source.version >= 3.0 => 1,
            None | Some(Value::Null) => 10,
            Some(size) => size.as_u64().unwrap_or_else(|| {
                self.findings[index].approximate("The size of its batches is an expression: it is 1 here.");
                1
            }),
        };
        let batch_size = batch_size.clamp(1, MAX_BATCH);
        if source.parameters.get("options").and_then(|options| options.get("reset")).is_some() {
            self.findings[index].approximate("options.reset is left out.");
        }
        if arrives.is_list_of_branches {
            let message = "Several branches lead to it: it runs once, with a list of what arrived.";
            self.findings[index].approximate(message);
        }
        self.findings[index].remark("It is a loop: what leads back to it is the end of its body.");
        let key = self.keys.make(source.name);
        let each = self.keys.make(&format!("{key}_each"));
        let home: Vec<usize> = place.home.iter().copied().chain([index]).collect();
        let view = arrives.reading.view.clone();
        let item = LoopItem { node: index, reading: Reading { many: batch_size > 1, view } };
        let inner = self.scope(body, Place { home: &home, item: Some(&item) });
        let ends = self.ends(index, body);
        let results = if ends.many { "{{ flatten(input.results) }}" } else { "{{ input.results }}" };
        let items = if arrives.reading.many { "{{ input }}" } else { "{{ [input] }}" };
        self.looped(index, (&key, &each), Looping { items, batch_size, results, body: inner }, graph);
        let done = vec![MAIN.to_owned()];
        let ports = if source.version >= 3.0 { vec![done, Vec::new()] } else { vec![Vec::new(), done] };
        let gives = Reading::list(ends.view);
        self.keep(index, Drawn { enters: each, leaves: key, ports, gives, is_trigger: false }, place);
    }

    /// What the end of a body gives.
    fn ends(&mut self, index: usize, body: &Scope) -> Reading {
        let is_end = |node: &&usize| body.links.iter().all(|link| link.from != **node);
        let ends: Vec<usize> = body.nodes.iter().filter(is_end).copied().collect();
        let found: Vec<Reading> =
            ends.iter().filter_map(|end| Some(self.drawn.get(end)?.gives.clone())).collect();
        match &found[..] {
            [only] => only.clone(),
            _ => {
                self.findings[index]
                    .approximate("Several nodes end its body: a result has the outputs of all.");
                Reading::viewed(View::default())
            }
        }
    }
}
