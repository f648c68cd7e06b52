//! Coordinates: layers side by side, and each item as near as it may to the middle of what it is connected to.

use std::collections::BTreeMap;

use super::{
    LAYER_GAP, NODE_GAP, NODE_HEIGHT,
    layers::{Item, Layered, Line},
};

/// How often the layers are aligned with their neighbours.
const SWEEPS: usize = 8;

/// The upper left corners of nodes.
type Corners = Vec<(f64, f64)>;
/// The bends of the links that pass through layers.
type Bends = BTreeMap<usize, Vec<(f64, f64)>>;

/// The corners of the nodes and the bends of the links.
pub(super) fn place(layered: &Layered, boxes: &[(f64, f64)]) -> (Corners, Bends) {
    let tops = align(layered, boxes);
    let mut corners = vec![(0.0, 0.0); boxes.len()];
    let mut bends = Bends::new();
    let mut x = 0.0;
    for layer in &layered.layers {
        let mut widest: f64 = 0.0;
        for item in layer {
            let top = tops.get(item).copied().unwrap_or_default();
            match item {
                Item::Node(node) => {
                    corners[*node] = (x, top);
                    widest = widest.max(boxes[*node].0);
                }
                Item::Bend(link, _) => bends.entry(*link).or_default().push((x, top)),
            }
        }
        for item in layer {
            if let Item::Bend(link, _) = item
                && let Some(points) = bends.get_mut(link)
                && let Some(&(_, top)) = points.last()
            {
                points.push((x + widest, top));
            }
        }
        x += widest + LAYER_GAP;
    }
    (corners, bends)
}

/// The upper side of each item.
fn align(layered: &Layered, boxes: &[(f64, f64)]) -> BTreeMap<Item, f64> {
    let height = |item: &Item| match item {
        Item::Node(node) => boxes[*node].1,
        Item::Bend(..) => 0.0,
    };
    let mut tops = BTreeMap::new();
    for layer in &layered.layers {
        let wanted: Vec<_> = layer.iter().map(|_| 0.0).collect();
        set(layer, &wanted, &height, &mut tops);
    }
    for sweep in 0..SWEEPS {
        let depth = layered.layers.len();
        for step in 1..depth {
            let layer = if sweep % 2 == 0 { step } else { depth - 1 - step };
            let lines = if sweep % 2 == 0 { &layered.lines[layer - 1] } else { &layered.lines[layer] };
            let forward = sweep % 2 == 0;
            let items = &layered.layers[layer];
            let wanted: Vec<_> = items
                .iter()
                .map(|item| {
                    median(lines, *item, forward, &tops)
                        .unwrap_or_else(|| tops.get(item).copied().unwrap_or_default())
                })
                .collect();
            set(items, &wanted, &height, &mut tops);
        }
    }
    tops
}

/// The middle of what an item is connected to on one side: where its upper side should be, so that the line
/// is straight.
fn median(lines: &[Line], item: Item, forward: bool, tops: &BTreeMap<Item, f64>) -> Option<f64> {
    let anchor = |item: &Item| match item {
        Item::Node(_) => NODE_HEIGHT / 2.0,
        Item::Bend(..) => 0.0,
    };
    let ends = |line: &Line| if forward { (line.to, line.from) } else { (line.from, line.to) };
    let connected = lines.iter().filter(|line| ends(line).0 == item).map(ends);
    let mut found: Vec<f64> =
        connected.filter_map(|(_, other)| Some(tops.get(&other)? + anchor(&other) - anchor(&item))).collect();
    found.sort_by(f64::total_cmp);
    let middle = found.len() / 2;
    match found.len() {
        0 => None,
        length if length % 2 == 1 => Some(found[middle]),
        _ => Some(f64::midpoint(found[middle - 1], found[middle])),
    }
}

/// Puts the items of a layer at the places that they are aligned with, in their order and without overlap.
fn set(layer: &[Item], wanted: &[f64], height: &dyn Fn(&Item) -> f64, tops: &mut BTreeMap<Item, f64>) {
    let mut free = f64::NEG_INFINITY;
    let mut placed = Vec::with_capacity(layer.len());
    for (item, wanted) in layer.iter().zip(wanted) {
        let top = wanted.max(free);
        free = top + height(item) + NODE_GAP;
        placed.push(top);
    }
    let shift: f64 = placed.iter().zip(wanted).map(|(top, wanted)| wanted - top).sum();
    let share = u32::try_from(placed.len().max(1)).map_or(f64::MAX, f64::from);
    for (item, top) in layer.iter().zip(placed) {
        tops.insert(*item, top + shift / share);
    }
}
