//! Tensors that several layers share.

use std::collections::HashMap;

use inceptive_ir::{Graph, Path, Role};

use super::{
    tree::{Body, Content},
    units::Units,
};

/// The lines of the network's constructor that make layers share a tensor. PyTorch counts, trains and saves such a
/// tensor once.
pub fn ties(graph: &Graph, units: &Units, body: &Body) -> String {
    let mut text = String::new();
    if !graph.has_shared_tensors() {
        return text;
    }
    let mut modules = HashMap::new();
    collect(units, body, "self", &mut modules);
    let mut first: HashMap<(&Path, Role), &str> = HashMap::new();
    for (id, node) in graph.nodes().filter(|(id, _)| graph.shares_tensors(*id)) {
        let Some(module) = modules.get(&node.path) else { continue };
        for (role, _) in node.op.tensors(&graph.input_shapes(id)) {
            let owner = *first.entry((node.tensor_path(role), role)).or_insert(module);
            if owner != module {
                text += &format!("        {module}.{role} = {owner}.{role}\n");
            }
        }
    }
    text
}

/// How the constructor calls the module of each node that has tensors, by the node's path.
fn collect(units: &Units, body: &Body, around: &str, modules: &mut HashMap<Path, String>) {
    for item in &body.items {
        let module = format!("{around}.{}", item.attribute);
        match &item.content {
            Content::Module(inner) => collect(units, inner, &module, modules),
            Content::Step(step) => {
                let path = &units.all[item.unit].path;
                if step.norm.is_some() {
                    modules.insert(path.join("bn"), format!("{module}.bn"));
                }
                modules.insert(path.clone(), module);
            }
        }
    }
}
