//! The order within each layer: that of the sweeps whose lines cross least.

use std::collections::BTreeMap;

use super::{
    layers::{Item, Layered, Line},
    number,
};

/// How many sweeps go through the layers.
const SWEEPS: usize = 8;

/// Orders the items of each layer.
pub(super) fn order(mut layered: Layered) -> Layered {
    let mut best = layered.layers.clone();
    let mut fewest = crossings(&layered);
    for sweep in 0..SWEEPS {
        let depth = layered.layers.len();
        if sweep % 2 == 0 {
            for layer in 1..depth {
                let before = places(&layered.layers[layer - 1]);
                let lines = layered.lines[layer - 1].clone();
                sort(&mut layered.layers[layer], |item| {
                    center(&lines, item, |line| (line.to, line.from), &before)
                });
            }
        } else {
            for layer in (0..depth.saturating_sub(1)).rev() {
                let after = places(&layered.layers[layer + 1]);
                let lines = layered.lines[layer].clone();
                sort(&mut layered.layers[layer], |item| {
                    center(&lines, item, |line| (line.from, line.to), &after)
                });
            }
        }
        let crossed = crossings(&layered);
        if crossed < fewest {
            fewest = crossed;
            best.clone_from(&layered.layers);
        }
    }
    layered.layers = best;
    layered
}

fn places(layer: &[Item]) -> BTreeMap<Item, usize> {
    layer.iter().enumerate().map(|(place, item)| (*item, place)).collect()
}

/// The mean place of what an item is connected to. Ports break ties.
fn center(
    lines: &[Line],
    item: Item,
    ends: impl Fn(&Line) -> (Item, Item),
    places: &BTreeMap<Item, usize>,
) -> Option<f64> {
    let connected = lines.iter().filter(|line| ends(line).0 == item);
    let found: Vec<f64> =
        connected.filter_map(|line| Some(number(*places.get(&ends(line).1)?) + line.share / 2.0)).collect();
    (!found.is_empty()).then(|| found.iter().sum::<f64>() / number(found.len()))
}

/// Sorts a layer. What is connected to nothing keeps its place.
fn sort(layer: &mut [Item], center: impl Fn(Item) -> Option<f64>) {
    let mut keyed: Vec<_> = layer
        .iter()
        .enumerate()
        .map(|(place, item)| (center(*item).unwrap_or_else(|| number(place)), *item))
        .collect();
    keyed.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    for (slot, (_, item)) in layer.iter_mut().zip(keyed) {
        *slot = item;
    }
}

/// How many pairs of lines cross.
pub(super) fn crossings(layered: &Layered) -> usize {
    let mut count = 0;
    for (layer, lines) in layered.lines.iter().enumerate() {
        let (Some(here), Some(next)) = (layered.layers.get(layer), layered.layers.get(layer + 1)) else {
            continue;
        };
        let (here, next) = (places(here), places(next));
        let ends: Vec<_> = lines
            .iter()
            .filter_map(|line| {
                Some((number(*here.get(&line.from)?) + line.share / 2.0, *next.get(&line.to)?))
            })
            .collect();
        for (index, one) in ends.iter().enumerate() {
            let crosses = |other: &&(f64, usize)| {
                (one.0 < other.0 && one.1 > other.1) || (one.0 > other.0 && one.1 < other.1)
            };
            count += ends[index + 1..].iter().filter(crosses).count();
        }
    }
    count
}
