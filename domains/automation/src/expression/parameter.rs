//! The parameters of a node: JSON whose texts may contain expressions.

use serde_json::Value;

use super::{
    context::Context,
    error::{ExpressionError, Fault},
    references::{Reference, References},
    resolved::Resolved,
    session::{MAX_DEPTH, Session},
    template::Template,
};

/// Parsed parameters. Parse them once for a version of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter(Form);

#[derive(Debug, Clone, PartialEq)]
enum Form {
    Constant(Value),
    Template(Template),
    List(Vec<Form>),
    Object(Vec<(String, Form)>),
}

impl Parameter {
    /// Parses all texts of a value. Reports the faults of all of them. Keys of objects are
    /// taken as they are.
    pub fn parse(value: &Value) -> Result<Self, Vec<ExpressionError>> {
        let mut faults = Vec::new();
        let form = parse(value, &mut String::new(), 0, &mut faults);
        if faults.is_empty() { Ok(Self(form)) } else { Err(faults) }
    }

    /// What the expressions name.
    #[must_use]
    pub fn references(&self) -> References {
        let mut found = Vec::new();
        references(&self.0, &mut String::new(), &mut found);
        References(found)
    }

    /// Evaluates all expressions.
    pub fn resolve(&self, context: &Context) -> Result<Resolved, ExpressionError> {
        resolve(&self.0, &mut String::new(), &Session::new(context))
    }
}

fn parse(value: &Value, pointer: &mut String, depth: usize, faults: &mut Vec<ExpressionError>) -> Form {
    if depth > MAX_DEPTH {
        faults.push(ExpressionError { fault: Fault::TooDeep, pointer: pointer.clone(), place: None });
        return Form::Constant(Value::Null);
    }
    match value {
        Value::String(text) if Template::is_template(text) => match Template::parse(text) {
            Ok(template) => Form::Template(template),
            Err(found) => {
                faults.extend(found.into_iter().map(|(fault, place)| ExpressionError {
                    fault,
                    pointer: pointer.clone(),
                    place: Some(place),
                }));
                Form::Constant(Value::Null)
            }
        },
        Value::Array(items) => {
            let items = items.iter().enumerate();
            let forms = items.map(|(index, item)| {
                below(pointer, &index.to_string(), |pointer| parse(item, pointer, depth + 1, faults))
            });
            Form::List(forms.collect())
        }
        Value::Object(fields) => {
            let forms = fields.iter().map(|(key, field)| {
                let form = below(pointer, key, |pointer| parse(field, pointer, depth + 1, faults));
                (key.clone(), form)
            });
            Form::Object(forms.collect())
        }
        constant => Form::Constant(constant.clone()),
    }
}

fn references(form: &Form, pointer: &mut String, found: &mut Vec<Reference>) {
    match form {
        Form::Constant(_) => {}
        Form::Template(template) => found.extend(template.paths().into_iter().map(|(path, place)| {
            Reference { path: path.path, optional: path.optional, pointer: pointer.clone(), place }
        })),
        Form::List(items) => {
            for (index, item) in items.iter().enumerate() {
                below(pointer, &index.to_string(), |pointer| references(item, pointer, found));
            }
        }
        Form::Object(fields) => {
            for (key, field) in fields {
                below(pointer, key, |pointer| references(field, pointer, found));
            }
        }
    }
}

fn resolve(form: &Form, pointer: &mut String, session: &Session<'_>) -> Result<Resolved, ExpressionError> {
    match form {
        Form::Constant(value) => Ok(Resolved::Value(value.clone())),
        Form::Template(template) => template.resolve(session).map_err(|(fault, place)| ExpressionError {
            fault,
            pointer: pointer.clone(),
            place: Some(place),
        }),
        Form::List(items) => {
            let items = items.iter().enumerate().map(|(index, item)| {
                below(pointer, &index.to_string(), |pointer| resolve(item, pointer, session))
            });
            items.collect::<Result<_, _>>().map(Resolved::of_items)
        }
        Form::Object(fields) => {
            let fields = fields.iter().map(|(key, field)| {
                let resolved = below(pointer, key, |pointer| resolve(field, pointer, session))?;
                Ok((key.clone(), resolved))
            });
            fields.collect::<Result<_, _>>().map(Resolved::of_fields)
        }
    }
}

/// Runs `inner` with the JSON pointer of what is below.
fn below<T>(pointer: &mut String, key: &str, inner: impl FnOnce(&mut String) -> T) -> T {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
    let result = inner(pointer);
    pointer.truncate(length);
    result
}
