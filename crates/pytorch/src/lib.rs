//! A graph as a PyTorch module in text, and a process in which PyTorch runs and trains such modules.
//!
//! This crate measures nothing, knows no data sets, and reads and writes no file.

#![forbid(unsafe_code)]

mod class;
mod expr;
mod forward;
mod fused;
mod helper;
mod kinds;
mod names;
mod scope;
mod sharing;
mod step;
mod torch;
mod tree;
mod units;
pub mod worker;

use inceptive_ir::{Graph, Op, Path, Role, Shape};

use self::{
    expr::Expr,
    fused::{Fused, FusedNames},
    helper::Helper,
    kinds::kinds,
    names::{Names, class_name, quoted},
    scope::Classes,
};

/// Names that the text uses itself.
const GLOBALS: [&str; 9] =
    ["F", "OrderedDict", "Tensor", "nn", "torch", "float", "print", "super", "tuple"];

/// A network as a PyTorch module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The Python code.
    pub text: String,
    /// The name of the network's class.
    pub class: String,
    /// The key of each tensor in `state_dict`, in execution order. A tensor that layers share is there once.
    pub keys: Vec<((Path, Role), String)>,
}

/// Writes a network as Python code, see [`to_module`].
pub fn to_pytorch(graph: &Graph, name: &str) -> String {
    to_module(graph, name).text
}

/// Writes a network as Python code with one class for each kind of module, that needs only PyTorch. It is meant for
/// training, so it includes auxiliary heads and dropout.
///
/// The keys of its `state_dict` are derived from our tensor names, so that `Weights::from_safetensors` recognises them;
/// letters of scripts that Python normalises differently are left out.
///
/// In evaluation the module returns the same output as the ONNX file; in training it returns logits, with those of the
/// auxiliary heads.
pub fn to_module(graph: &Graph, name: &str) -> Module {
    let shape = graph.node(graph.input()).shape;
    let units = units::units(graph);
    let network = tree::network(&units, shape.channels());
    let helpers = Helper::ALL.map(Helper::name);
    let mut names = Names::with(GLOBALS.into_iter().chain(helpers));
    let main = names.take(class_name(name).as_deref().unwrap_or("Network"));
    let fused = units.all.iter().filter_map(|unit| Fused::of(&unit.step));
    let fused = FusedNames::new(fused, &mut names);
    let kinds = kinds(&network, &mut names);
    let mut classes = Classes { kinds, parameters: Default::default(), fused, names };
    let needed: Vec<Helper> = units.all.iter().flat_map(|unit| Helper::of(&unit.step)).collect();
    let mut parts: Vec<String> = Vec::new();
    parts.extend(Helper::ALL.iter().filter(|one| needed.contains(one)).map(|one| one.class()));
    parts.extend(classes.fused.classes());
    for kind in 0..classes.kinds.len() {
        if classes.kinds[kind].class.is_some() {
            let (text, parameters) = class::module(&classes, kind);
            classes.parameters.insert(kind, parameters);
            parts.push(text);
        }
    }
    let has_conv = units.all.iter().any(|unit| matches!(unit.step.op, Op::Conv(_)));
    let heads = graph.auxiliary();
    let modules = sharing::modules(&units, &network.body);
    let ties = sharing::ties(graph, &modules);
    parts.push(class::network(
        &classes,
        &network,
        &class::Main { name, class: &main, heads, has_conv, ties: &ties },
    ));
    parts.push(run(&main, shape));
    let body = parts.join("\n\n");
    let text = format!("{}\n\n{body}", header(name, shape, &body));
    Module { text, class: main, keys: sharing::keys(graph, &modules) }
}

/// The docstring and the imports that a text needs.
fn header(name: &str, shape: Shape, body: &str) -> String {
    let name = quoted(name);
    let shape = shape.to_string().replace('x', " x ");
    let about = format!(
        "Reads N x {shape}. The keys of `state_dict()` are the names in the network's description, \
         so a file that `safetensors.torch.save_file` writes can be passed to `inceptive export \
         --weights`."
    );
    let about: Vec<String> = class::wrapped(&about).collect();
    let mut text = format!("\"\"\"{name} in PyTorch.\n\n{}\n\"\"\"\n\n", about.join("\n"));
    if body.contains("OrderedDict(") {
        text += "from collections import OrderedDict\n\n";
    }
    text += "import torch\n";
    if body.contains("F.") {
        text += "import torch.nn.functional as F\n";
    }
    text + "from torch import Tensor, nn\n"
}

/// The code that runs when the file is executed.
fn run(class: &str, shape: Shape) -> String {
    let zeros = match shape {
        Shape::Map { channels, size } => format!("1, {channels}, {}, {}", size.height, size.width),
        Shape::Vector { features } => format!("1, {features}"),
    };
    let model = Expr::atom(format!("{class}().eval()"));
    format!(
        "if __name__ == \"__main__\":
{}    print(sum(parameter.numel() for parameter in model.parameters()), \"parameters\")
    print(tuple(model(torch.zeros({zeros})).shape))
",
        model.line(1, "model = ", "")
    )
}
