//! What paths of n8n lead to.

use super::{
    Kind, Refused, Written,
    parse::Expr,
    quoted,
    write::{Writer, call},
};
use crate::import::n8n::sight::{Base, Hidden, Step, View};

/// What a path leads to.
pub(super) enum Meaning {
    /// A field of an item, or the item.
    Data(Data),
    /// Another value.
    Plain(Written),
    /// A name that means nothing here.
    Name(String),
    /// `$input`.
    Input,
    /// `$node`.
    Nodes,
    /// A node.
    Source(Base),
    /// An item with its `json`.
    Item(Data),
    /// A list of items.
    Items(Base),
    /// A name with functions, such as `Math`.
    Space(&'static str),
}

/// A field of an item.
#[derive(Clone, Debug)]
pub(super) struct Data {
    base: String,
    view: View,
    path: Vec<Step>,
    optional: bool,
}

/// The names with functions.
const SPACES: [&str; 10] =
    ["Math", "JSON", "Object", "Number", "String", "Boolean", "DateTime", "Date", "Array", "$execution"];

impl Data {
    fn new(base: String, view: View) -> Self {
        Self { base, view, path: Vec::new(), optional: false }
    }

    fn then(mut self, step: Step, optional: bool) -> Self {
        self.path.push(step);
        self.optional |= optional;
        self
    }

    /// The path as it is written here.
    pub(super) fn written(&self) -> Written {
        let mut text = self.base.clone();
        for step in self.view.apply(&self.path) {
            text.push_str(&match step {
                Step::Field(name) if is_name(&name) => format!(".{name}"),
                Step::Field(name) => format!("[{}]", quoted(&name)),
                Step::Place(place) => format!("[{place}]"),
            });
        }
        let written = Written { is_path: true, ..Written::atom(text, Kind::Unknown) };
        if self.optional { written.lenient() } else { written }
    }
}

fn is_name(text: &str) -> bool {
    let starts = text.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
    starts && text.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
}

impl Writer<'_, '_> {
    /// What a path leads to.
    pub(super) fn meaning(&mut self, expr: &Expr) -> Result<Meaning, Refused> {
        match expr {
            Expr::Name(name) => Ok(self.name(name)),
            Expr::Member { of, name, optional } => {
                let of = self.meaning(of)?;
                self.member(of, name, *optional)
            }
            Expr::Index { of, key, optional } => {
                let of = self.meaning(of)?;
                match &**key {
                    Expr::Text(name) => self.member(of, name, *optional),
                    Expr::Number(place) => self.place(of, place, *optional),
                    key => {
                        let of = self.value_of(of)?;
                        let key = self.write(key)?;
                        let text = format!("{}[{}]", of.part(), key.text);
                        let written = Written { is_path: true, ..Written::atom(text, Kind::Unknown) };
                        Ok(Meaning::Plain(if *optional { written.lenient() } else { written }))
                    }
                }
            }
            Expr::Call { of, arguments } => self.called(of, arguments),
            other => self.write(other).map(Meaning::Plain),
        }
    }

    fn name(&self, name: &str) -> Meaning {
        let sight = self.sight;
        let item = || Data::new(sight.input.item.clone(), sight.input.view.clone());
        match name {
            "$json" => Meaning::Data(item()),
            "$item" => Meaning::Item(item()),
            "$input" => Meaning::Input,
            "$node" => Meaning::Nodes,
            "$vars" => Meaning::Data(Data::new("vars".to_owned(), View::default())),
            "$itemIndex" => {
                Meaning::Plain(Written::atom(if sight.is_item { "index" } else { "0" }, Kind::Number))
            }
            "$now" => Meaning::Plain(call("now", &[], Kind::Date)),
            "$today" => Meaning::Plain(self.today()),
            "$workflow" => Meaning::Space("$workflow"),
            name => match SPACES.into_iter().find(|space| *space == name) {
                Some(space) => Meaning::Space(space),
                None => Meaning::Name(name.to_owned()),
            },
        }
    }

    fn today(&self) -> Written {
        match self.sight.zone {
            Some(zone) => call("start_of", &["now()", "\"day\"", &quoted(zone)], Kind::Date),
            None => call("start_of", &["now()", "\"day\""], Kind::Date),
        }
    }

    fn member(&mut self, of: Meaning, name: &str, optional: bool) -> Result<Meaning, Refused> {
        let refused = |what: &str| Err(Refused::new(format!("{what}.{name} is not imported")));
        match (of, name) {
            (Meaning::Data(data), "length") if !data.path.is_empty() => {
                let list = data.written();
                Ok(Meaning::Plain(call("length", &[&list.text], Kind::Number)))
            }
            (Meaning::Data(data), name) => {
                Ok(Meaning::Data(data.then(Step::Field(name.to_owned()), optional)))
            }
            (Meaning::Plain(of), "length") => Ok(Meaning::Plain(call("length", &[&of.text], Kind::Number))),
            (Meaning::Plain(of), name) => {
                let step = if is_name(name) { format!(".{name}") } else { format!("[{}]", quoted(name)) };
                let text = format!("{}{step}", of.part());
                let written = Written { is_path: true, ..Written::atom(text, Kind::Unknown) };
                Ok(Meaning::Plain(if optional { written.lenient() } else { written }))
            }
            (Meaning::Name(of), _) => refused(&of),
            (Meaning::Input, "item") => Ok(Meaning::Item(self.input_item())),
            (Meaning::Input, _) => refused("$input"),
            (Meaning::Nodes, name) => self.source(name),
            (Meaning::Item(_), "$node") => Ok(Meaning::Nodes),
            (Meaning::Item(data), "json") => Ok(Meaning::Data(data)),
            (Meaning::Item(_), _) => refused("an item"),
            (Meaning::Source(base), "item") => Ok(Meaning::Item(Data::new(base.item, base.view))),
            (Meaning::Source(base), "json") => Ok(Meaning::Data(Data::new(base.at(0), base.view))),
            (Meaning::Source(base), "isExecuted") => {
                let text = format!("{} is defined", base.list.unwrap_or(base.item));
                Ok(Meaning::Plain(Written { is_atom: false, ..Written::atom(text, Kind::Unknown) }))
            }
            (Meaning::Source(_), _) => refused("a node"),
            (Meaning::Items(base), "length") => {
                Ok(Meaning::Plain(call("length", &[&base.all()], Kind::Number)))
            }
            (Meaning::Items(_), _) => refused("a list of items"),
            (Meaning::Space("$execution"), "id") => Ok(path("run.id")),
            (Meaning::Space("$workflow"), "id") => Ok(path("workflow.id")),
            (Meaning::Space("$workflow"), "name") => Ok(path("workflow.name")),
            (Meaning::Space(space), _) => refused(space),
        }
    }

    fn place(&mut self, of: Meaning, place: &str, optional: bool) -> Result<Meaning, Refused> {
        let place: i64 = place.parse().map_err(|_| Refused::new("a place in a list is an integer"))?;
        match of {
            Meaning::Data(data) => Ok(Meaning::Data(data.then(Step::Place(place), optional))),
            Meaning::Items(base) => Ok(Meaning::Item(Data::new(base.at(place), base.view))),
            other => {
                let text = format!("{}[{place}]", self.value_of(other)?.part());
                let written = Written { is_path: true, ..Written::atom(text, Kind::Unknown) };
                Ok(Meaning::Plain(if optional { written.lenient() } else { written }))
            }
        }
    }

    fn input_item(&self) -> Data {
        Data::new(self.sight.input.item.clone(), self.sight.input.view.clone())
    }

    fn source(&mut self, name: &str) -> Result<Meaning, Refused> {
        let found = self.sight.source(name).map_err(|hidden| {
            Refused::new(match hidden {
                Hidden::Unknown => format!("there is no node {name:?} before this one"),
                Hidden::InLoop => format!("the node {name:?} lies in a loop"),
            })
        });
        let (base, is_chosen) = found?;
        if is_chosen {
            let which = if self.sight.is_item { "the item at the same place" } else { "the first item" };
            self.notes.insert(format!("{name} gives a list: .item is {which} of it"));
        }
        Ok(Meaning::Source(base))
    }

    /// The items that a call leads to, or its value.
    pub(super) fn called(&mut self, of: &Expr, arguments: &[Expr]) -> Result<Meaning, Refused> {
        match (of, arguments) {
            (Expr::Name(name), [Expr::Text(node)]) if name == "$" => return self.source(node),
            (Expr::Name(name), [_]) if name == "$item" => return Ok(Meaning::Item(self.input_item())),
            (Expr::Member { of, name, .. }, []) if matches!(name.as_str(), "first" | "last" | "all") => {
                let base = match self.meaning(of)? {
                    Meaning::Input => self.sight.input.clone(),
                    Meaning::Source(base) => base,
                    of => {
                        let of = self.value_of(of)?;
                        return self.method(&of, name, arguments).map(Meaning::Plain);
                    }
                };
                return Ok(match name.as_str() {
                    "first" => Meaning::Item(Data::new(base.at(0), base.view)),
                    "last" => Meaning::Item(Data::new(base.at(-1), base.view)),
                    _ => Meaning::Items(base),
                });
            }
            _ => {}
        }
        self.call_of(of, arguments).map(Meaning::Plain)
    }
}

fn path(text: &str) -> Meaning {
    Meaning::Plain(Written { is_path: true, ..Written::atom(text, Kind::Unknown) })
}
