//! The numbers of one class: which are the same in all of its instances, which are parameters, and which
//! follow from others.

use std::collections::{BTreeMap, HashMap};

use inceptive_ir::{Op, Size};

use super::{
    expr::{Argument, Expr},
    fused::{Fused, FusedNames},
    kinds::Kind,
    names::{Names, identifier},
    step::{Field, Step, Value},
    torch::{self, Number},
    tree::{Body, Content, Item, Source},
};

/// A sum of more terms becomes a parameter of its own.
const MOST_TERMS: usize = 6;

/// Where a number is: the positions of the items around it, outermost first, and which of the last one's
/// numbers it is. Without positions it is the class's own input.
type Place = (Vec<usize>, Field);

/// A number of channels in terms of parameters.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sum {
    terms: BTreeMap<Place, u64>,
    constant: u64,
}

/// A parameter of a class.
#[derive(Clone, Debug)]
pub struct Parameter {
    place: Place,
    /// Its name.
    pub name: String,
    /// Its type.
    pub annotation: String,
}

impl Parameter {
    /// Whether it is the number of channels of one of the class's inputs.
    pub fn is_input(&self) -> bool {
        self.place.0.is_empty()
    }
}

/// What all classes know of each other.
pub struct Classes<'a> {
    /// The kinds of modules.
    pub kinds: Vec<Kind<'a>>,
    /// Parameters of those that were written.
    pub parameters: HashMap<usize, Vec<Parameter>>,
    /// Classes of fused layers.
    pub fused: FusedNames,
    /// Names of the file.
    pub names: Names,
}

/// A class while it is written.
pub struct Scope<'a> {
    classes: &'a Classes<'a>,
    instances: &'a [&'a Body],
    /// Channels of items, where they can be said.
    sums: HashMap<Vec<usize>, Option<Sum>>,
    parameters: Vec<Parameter>,
    /// Positions of the parameters.
    known: HashMap<Place, usize>,
    names: Names,
}

impl<'a> Scope<'a> {
    /// The scope of a class with these instances, at least one.
    pub fn new(classes: &'a Classes<'a>, instances: &'a [&'a Body]) -> Self {
        let mut names = classes.names.clone();
        names.take("self");
        let (sums, known) = (HashMap::new(), HashMap::new());
        let mut scope = Self { classes, instances, sums, parameters: vec![], known, names };
        scope.follow(instances[0], &[]);
        scope
    }

    /// The parameters that were used; channels of inputs come first.
    pub fn into_parameters(mut self) -> Vec<Parameter> {
        self.parameters.sort_by_key(|parameter| !parameter.is_input());
        self.parameters
    }

    /// The module of an item; `None` for an expression.
    pub fn module(&mut self, item: &Item, route: &[usize]) -> Option<Expr> {
        match &item.content {
            Content::Step(step) => {
                let fused = Fused::of(step);
                let class = fused.and_then(|fused| self.classes.fused.get(&fused));
                torch::module(step, class, &mut |field| self.number(route, field))
            }
            Content::Module(body) => Some(self.instance(body, route)),
        }
    }

    fn instance(&mut self, body: &Body, route: &[usize]) -> Expr {
        let classes = self.classes;
        let Some(class) = &classes.kinds[body.kind].class else {
            return Expr::apply("nn.Sequential", vec![self.chain(body, route)]);
        };
        let argument = |parameter: &Parameter| {
            let (inside, field) = &parameter.place;
            let value = self.number(&[route, inside].concat(), *field).expr();
            match parameter.is_input() {
                true => Argument::positional(value),
                false => Argument::named(&parameter.name, value),
            }
        };
        let parameters = classes.parameters.get(&body.kind).into_iter().flatten();
        Expr::call(class, parameters.map(argument).collect())
    }

    /// The items of a chain by their names.
    pub fn chain(&mut self, body: &Body, route: &[usize]) -> Expr {
        let mut arguments = Vec::with_capacity(body.items.len());
        for (at, item) in body.items.iter().enumerate() {
            let module = self.module(item, &[route, &[at]].concat());
            arguments.extend(module.map(|module| Argument::named(&item.attribute, module)));
        }
        Expr::call("OrderedDict", arguments)
    }

    /// A number as written in the class.
    pub fn number(&mut self, route: &[usize], field: Field) -> Number {
        if let Some(value) = self.constant(route, field) {
            return Number::Literal(value);
        }
        let Sum { terms, constant } = self.sum(route, field);
        let mut parts = Vec::with_capacity(terms.len() + 1);
        for (place, factor) in terms {
            let name = self.parameter(place);
            let part = if factor == 1 { name } else { format!("{factor} * {name}") };
            parts.push(Expr::Atom(part));
        }
        if constant > 0 {
            parts.push(Expr::Atom(constant.to_string()));
        }
        Number::Sum(Expr::infix("+", parts))
    }

    /// The value of a number in one instance.
    fn value(instance: &Body, route: &[usize], field: Field) -> Option<Value> {
        let Some((&last, around)) = route.split_last() else {
            let Field::Input(input) = field else { return None };
            return instance.inputs.get(input).map(|&channels| Value::Count(channels));
        };
        let body = inside(instance, around)?;
        let item = body.items.get(last)?;
        match (field, &item.content) {
            (Field::Input(input), _) => item.reads.get(input).map(|read| {
                Value::Count(match *read {
                    Source::Input(outer) => body.inputs[outer],
                    Source::Item(other) => body.items[other].channels,
                })
            }),
            (_, Content::Step(step)) => step.number(field),
            (_, Content::Module(_)) => None,
        }
    }

    /// A number that is the same in all instances.
    fn constant(&self, route: &[usize], field: Field) -> Option<Value> {
        let first = Self::value(self.instances[0], route, field)?;
        let is_same = |body: &&Body| Self::value(body, route, field) == Some(first);
        self.instances.iter().all(is_same).then_some(first)
    }

    /// A number in terms of parameters.
    fn sum(&self, route: &[usize], field: Field) -> Sum {
        if let Some(Value::Count(constant)) = self.constant(route, field) {
            return Sum { constant: constant.into(), ..Sum::default() };
        }
        let own = || Sum { terms: BTreeMap::from([((route.to_vec(), field), 1)]), constant: 0 };
        let Some((&last, around)) = route.split_last() else { return own() };
        let Some(item) = inside(self.instances[0], around).and_then(|body| body.items.get(last))
        else {
            return own();
        };
        match (field, &item.content) {
            (Field::Input(input), _) => {
                let source = item.reads.get(input);
                source.and_then(|&source| self.source(around, source)).unwrap_or_else(own)
            }
            (Field::Width | Field::Groups, Content::Step(step)) if step.is_depthwise() => {
                self.sum(route, Field::Input(0))
            }
            _ => own(),
        }
    }

    /// Channels of a value in the module at `around`.
    fn source(&self, around: &[usize], source: Source) -> Option<Sum> {
        match source {
            Source::Input(input) => Some(self.sum(around, Field::Input(input))),
            Source::Item(item) => self.sums.get(&[around, &[item]].concat())?.clone(),
        }
    }

    /// Follows channels through a module.
    fn follow(&mut self, body: &Body, around: &[usize]) {
        for (at, item) in body.items.iter().enumerate() {
            let route = [around, &[at]].concat();
            let inner = match &item.content {
                Content::Module(module) => {
                    self.follow(module, &route);
                    self.source(&route, module.output)
                }
                Content::Step(step) => self.step(step, item, around, &route),
            };
            let sum = self.constant_channels(&route).or(inner);
            self.sums.insert(route, sum.filter(|sum| sum.terms.len() <= MOST_TERMS));
        }
    }

    fn constant_channels(&self, route: &[usize]) -> Option<Sum> {
        let (&last, around) = route.split_last()?;
        let channels = |body: &&Body| Some(inside(body, around)?.items.get(last)?.channels);
        let first = channels(&self.instances[0])?;
        let is_same = |body| channels(body) == Some(first);
        let constant = u64::from(first);
        self.instances.iter().all(is_same).then(|| Sum { constant, ..Sum::default() })
    }

    /// Output channels of a step.
    fn step(&self, step: &Step, item: &Item, around: &[usize], route: &[usize]) -> Option<Sum> {
        match &step.op {
            Op::Conv(_) | Op::ConvTranspose(_) | Op::Linear(_) => {
                Some(self.sum(route, Field::Width))
            }
            Op::Concat => {
                let mut total = Sum::default();
                for &read in &item.reads {
                    let Sum { terms, constant } = self.source(around, read)?;
                    total.constant += constant;
                    for (place, factor) in terms {
                        *total.terms.entry(place).or_default() += factor;
                    }
                }
                Some(total)
            }
            Op::ChannelMax | Op::ChannelMean => Some(Sum { constant: 1, ..Sum::default() }),
            Op::Flatten if !self.is_flat(route) => None,
            Op::Rearrange(_) | Op::Add { .. } | Op::Multiply if !step.keeps_channels() => None,
            Op::Input(_)
            | Op::BatchNorm(_)
            | Op::Lrn(_)
            | Op::Activation(_)
            | Op::Pool(_)
            | Op::GlobalPool(_)
            | Op::AdaptiveAvgPool { .. }
            | Op::Add { .. }
            | Op::Multiply
            | Op::Flatten
            | Op::Dropout { .. }
            | Op::Softmax
            | Op::ChannelShuffle { .. }
            | Op::Maximum
            | Op::DropPath { .. }
            | Op::Norm(_)
            | Op::Prelu { .. }
            | Op::Scale(_)
            | Op::Rescale(_)
            | Op::Resize(_)
            | Op::Rearrange(_) => self.source(around, *item.reads.first()?),
        }
    }

    /// Whether a step reads one value a channel in every instance.
    fn is_flat(&self, route: &[usize]) -> bool {
        let Some((&last, around)) = route.split_last() else { return false };
        self.instances.iter().all(|body| {
            let item = inside(body, around).and_then(|body| body.items.get(last));
            matches!(item.map(|item| &item.content), Some(Content::Step(step)) if step.input.size() == Size::square(1))
        })
    }

    /// The name of the parameter for a number.
    fn parameter(&mut self, place: Place) -> String {
        if let Some(&known) = self.known.get(&place) {
            return self.parameters[known].name.clone();
        }
        self.known.insert(place.clone(), self.parameters.len());
        let (route, field) = &place;
        let name = self.names.take(&parameter_name(self.instances[0], route, *field));
        let values = self.instances.iter().filter_map(|body| Self::value(body, route, *field));
        let mut types: Vec<&str> = values.map(Value::annotation).collect();
        types.sort_unstable();
        types.dedup();
        let annotation = types.join(" | ");
        self.parameters.push(Parameter { place, name: name.clone(), annotation });
        name
    }
}

/// The module at a place in another.
fn inside<'a>(body: &'a Body, route: &[usize]) -> Option<&'a Body> {
    route.iter().try_fold(body, |body, &at| match &body.items.get(at)?.content {
        Content::Module(module) => Some(module),
        Content::Step(_) => None,
    })
}

/// A name for a number: its path inside of the class, from the inside where the path starts with a digit, as
/// in `reduce_3x3` and `branch_7x7_1x7`; then what it is.
fn parameter_name(body: &Body, route: &[usize], field: Field) -> String {
    let mut words: Vec<&str> = Vec::new();
    let mut around = Some(body);
    for &at in route {
        let Some(item) = around.and_then(|body| body.items.get(at)) else { break };
        words.extend(item.segments.iter().map(String::as_str));
        around = inside(around.unwrap_or(body), &[at]);
    }
    let is_word = |word: &&str| word.starts_with(|c: char| c.is_ascii_alphabetic());
    match (words.first().is_none_or(is_word), words.last().is_none_or(is_word)) {
        (true, _) => {}
        (false, true) => words.reverse(),
        (false, false) => words.insert(0, "branch"),
    }
    words.extend(field.suffix());
    identifier(&words.join("_"))
}
