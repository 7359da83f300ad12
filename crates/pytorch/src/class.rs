//! Classes in text.

use inceptive_ir::{AuxiliaryHead, Op};

use super::{
    expr::Expr,
    forward::{Forward, Scales},
    kinds::{Kind, is_chain},
    names::{Names, identifier, quoted},
    scope::{Classes, Parameter, Scope},
    step::{Field, Value},
    torch::{self, Number},
    tree::{Body, Content, Item, Network, Source},
};

/// More instances than this are counted and not named.
const MOST_PATHS: usize = 4;

/// A line of text in a docstring is broken after this many columns.
const WIDTH: usize = 92;

/// The inputs for the class of the network, besides the network.
pub struct Main<'a> {
    /// The network's name.
    pub name: &'a str,
    /// The class's name.
    pub class: &'a str,
    /// The auxiliary heads.
    pub heads: &'a [AuxiliaryHead],
    /// Whether there are convolutions.
    pub has_conv: bool,
    /// Lines of the constructor for tensors that layers share.
    pub ties: &'a str,
}

/// The class of a kind of module, and its parameters.
pub fn module(classes: &Classes<'_>, kind: usize) -> (String, Vec<Parameter>) {
    let Kind { instances, paths, class } = &classes.kinds[kind];
    let (body, class) = (instances[0], class.as_deref().unwrap_or_default());
    let mut scope = Scope::new(classes, instances);
    let doc = format!("    \"\"\"{}\"\"\"\n", places(paths));
    if is_chain(body) {
        let items = scope.chain(body, &[]);
        let parameters = scope.into_parameters();
        let constructor = Expr::apply("super().__init__", vec![items]).line(2, "", "");
        let text = format!(
            "class {class}(nn.Sequential):\n{doc}\n{}{constructor}",
            signature(&parameters)
        );
        return (text, parameters);
    }
    let (attributes, scales) = attributes(&mut scope, body);
    let parameters = scope.into_parameters();
    let mut text = format!("class {class}(nn.Module):\n{doc}\n");
    if !attributes.is_empty() {
        text += &signature(&parameters);
        text += &format!("        super().__init__()\n{attributes}\n");
    }
    let mut forward = Forward::new(body, &[body.output], &scales, classes.names.clone());
    let inputs: Vec<String> =
        forward.inputs().iter().map(|input| format!("{input}: Tensor")).collect();
    let inputs = inputs.join(", ");
    text += &match inputs.len() {
        // As many as a line has room for.
        ..=65 => format!("    def forward(self, {inputs}) -> Tensor:\n"),
        _ => format!(
            "    def forward(\n        self,\n        {},\n    ) -> Tensor:\n",
            inputs.replace(", ", ",\n        ")
        ),
    };
    text += &forward.run(0..body.items.len());
    text += &forward.value(body.output).line(2, "return ", "");
    (text, parameters)
}

/// The paths of the modules of a class, as text.
fn places(paths: &[String]) -> String {
    let count = if paths.len() > MOST_PATHS { MOST_PATHS - 1 } else { paths.len() };
    let shown: Vec<String> = paths.iter().take(count).map(|path| quoted(path)).collect();
    let (all, more) = (shown.join(", "), paths.len().saturating_sub(shown.len()));
    if all.chars().count() > WIDTH - 20 {
        let more = if paths.len() > 1 { ", and others" } else { "" };
        return format!("{}{more}.", shown[0]);
    }
    match (more, all.rsplit_once(", ")) {
        (0, Some((first, last))) => format!("{first} and {last}."),
        (0, None) => format!("{all}."),
        (more, _) => format!("{all} and {more} more."),
    }
}

/// `def __init__` with its parameters; those that are no channels of inputs can be given by name only.
fn signature(parameters: &[Parameter]) -> String {
    let mut words = vec!["self".to_owned()];
    let declared = |parameter: &Parameter| format!("{}: {}", parameter.name, parameter.annotation);
    let (inputs, others): (Vec<&Parameter>, Vec<&Parameter>) =
        parameters.iter().partition(|parameter| parameter.is_input());
    words.extend(inputs.into_iter().map(declared));
    if !others.is_empty() {
        words.push("*".to_owned());
    }
    words.extend(others.into_iter().map(declared));
    let words = words.into_iter().map(Expr::Atom).collect();
    Expr::apply("__init__", words).line(1, "def ", " -> None:")
}

/// The lines that set a class's attributes, and the factors of its sums.
fn attributes(scope: &mut Scope<'_>, body: &Body) -> (String, Scales) {
    let mut text = String::new();
    let mut scales = Scales::new();
    let mut names = Names::with(body.items.iter().map(|item| &*item.attribute));
    for (at, item) in body.items.iter().enumerate() {
        let route = [at];
        let module = match &item.content {
            Content::Step(step) if torch::is_expression(step) => {
                text += &factors(scope, item, at, &mut names, &mut scales);
                None
            }
            Content::Step(_) | Content::Module(_) => scope.module(item, &route),
        };
        if let Some(module) = module {
            text += &module.line(2, &format!("self.{} = ", item.attribute), "");
        }
    }
    (text, scales)
}

/// The factors of a sum; lines for those that are parameters.
fn factors(
    scope: &mut Scope<'_>,
    item: &Item,
    at: usize,
    names: &mut Names,
    scales: &mut Scales,
) -> String {
    let mut text = String::new();
    let Content::Step(step) = &item.content else { return text };
    let Op::Add { scales: factors } = &step.op else { return text };
    for input in 0..factors.len() {
        let number = scope.number(&[at], Field::Scale(input));
        if number == Number::Literal(Value::Number(1.0)) {
            continue;
        }
        let mut value = number.clone().expr();
        if let Number::Sum(_) = number {
            let name = names.take(&identifier(&format!("{}_scale", item.attribute)));
            text += &value.line(2, &format!("self.{name} = "), "");
            value = Expr::Atom(format!("self.{name}"));
        }
        scales.insert((at, input), value);
    }
    text
}

/// The class of the network.
pub fn network(classes: &Classes<'_>, network: &Network, main: &Main<'_>) -> String {
    let body = &network.body;
    let instances = [body];
    let mut scope = Scope::new(classes, &instances);
    let (attributes, scales) = attributes(&mut scope, body);
    let mut text = format!("class {}(nn.Module):\n{}\n", main.class, description(network, main));
    text += &format!("{}        super().__init__()\n{attributes}", signature(&[]));
    text += main.ties;
    if main.has_conv {
        text += INITIALIZATION;
    }
    let (result, count) = (body.output, body.items.len());
    let has_heads = !network.auxiliary.is_empty();
    // What evaluation and training both return has a name.
    let mut results = vec![result; if has_heads || network.softmax { 2 } else { 1 }];
    results.extend(&network.auxiliary);
    let mut forward = Forward::new(body, &results, &scales, classes.names.clone());
    let returned = if has_heads { "Tensor | tuple[Tensor, list[Tensor]]" } else { "Tensor" };
    text += &format!("\n    def forward(self, x: Tensor) -> {returned}:\n");
    text += &forward.run(0..network.main);
    let logits = forward.value(result);
    let evaluated = if network.softmax { torch::softmax(logits.clone()) } else { logits.clone() };
    if !has_heads {
        return text + &last_line(&logits, &evaluated, network.softmax);
    }
    text += "        if not self.training:\n";
    text += &evaluated.line(3, "return ", "");
    text += &forward.run(network.main..count);
    let heads = network.auxiliary.iter().map(|&head: &Source| forward.value(head)).collect();
    text + &Expr::List(heads).line(2, &format!("return {}, ", logits.flat()), "")
}

fn last_line(logits: &Expr, evaluated: &Expr, softmax: bool) -> String {
    if !softmax {
        return logits.line(2, "return ", "");
    }
    let (logits, evaluated) = (logits.flat(), evaluated.flat());
    let both = Expr::Atom(format!("{logits} if self.training else {evaluated}"));
    format!("        # Losses need logits.\n{}", both.line(2, "return ", ""))
}

/// He et al. 2015, as torchvision's ResNets; PyTorch's own is too small for deep networks without
/// normalisation.
const INITIALIZATION: &str = "        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity=\"relu\")
";

/// The docstring of the network's class: its return values.
fn description(network: &Network, main: &Main<'_>) -> String {
    let name = quoted(main.name);
    let heads: Vec<String> = main
        .heads
        .iter()
        .map(|head| format!("{} ({})", quoted(&head.name), Value::Number(head.weight).text()))
        .collect();
    let gives = match (heads.is_empty(), network.softmax) {
        (true, false) => return format!("    \"\"\"{name}.\"\"\"\n"),
        (true, true) => "Returns logits in training, probabilities in evaluation.".to_owned(),
        (false, softmax) => format!(
            "Returns `(logits, [auxiliary logits, ...])` in training, {} in evaluation. Auxiliary \
             heads, with the weights of their losses: {}.",
            if softmax { "probabilities" } else { "logits" },
            heads.join(", ")
        ),
    };
    let gives: String = wrapped(&gives).map(|line| format!("    {line}\n")).collect();
    format!("    \"\"\"{name}.\n\n{gives}    \"\"\"\n")
}

/// The lines of a text.
pub fn wrapped(text: &str) -> impl Iterator<Item = String> {
    let mut lines: Vec<String> = vec![];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter()
}
