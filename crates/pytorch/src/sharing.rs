//! The modules that hold the network's tensors, and tensors that several layers share.

use std::collections::{HashMap, HashSet};

use inceptive_ir::{Graph, Path, Role};

use super::{
    tree::{Body, Content},
    units::Units,
};

/// The lines of the network's constructor that make layers share a tensor. PyTorch counts, trains and saves such a
/// tensor once.
pub fn ties(graph: &Graph, modules: &HashMap<Path, String>) -> String {
    let mut text = String::new();
    if !graph.has_shared_tensors() {
        return text;
    }
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

/// The keys of the tensors in `state_dict`, in execution order, each tensor once.
pub fn keys(graph: &Graph, modules: &HashMap<Path, String>) -> Vec<((Path, Role), String)> {
    let mut keys = Vec::new();
    let mut seen = HashSet::new();
    for (id, node) in graph.nodes() {
        let Some(module) = modules.get(&node.path) else { continue };
        for (role, _) in node.op.tensors(&graph.input_shapes(id)) {
            let tensor = (node.tensor_path(role).clone(), role);
            if seen.insert(tensor.clone()) {
                let module = module.strip_prefix("self.").unwrap_or(module);
                keys.push((tensor, format!("{module}.{role}")));
            }
        }
    }
    keys
}

/// How the constructor calls the module of each node that has tensors, by the node's path.
pub fn modules(units: &Units, body: &Body) -> HashMap<Path, String> {
    let mut modules = HashMap::new();
    collect(units, body, "self", &mut modules);
    modules
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
