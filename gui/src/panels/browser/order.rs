//! The order of files.

use std::{cmp::Reverse, collections::HashMap, path::PathBuf};

use egui::{RichText, Ui};

use crate::{
    actions::{Action, asked},
    command::{Command, Commands},
    file::FileOrder,
    model::{Entry, Model},
};

const ORDERS: [(FileOrder, &str, Action); 4] = [
    (FileOrder::Name, "name", Action::SortByName),
    (FileOrder::Params, "params", Action::SortByParams),
    (FileOrder::Macs, "MACs", Action::SortByMacs),
    (FileOrder::Newest, "newest", Action::SortByNewest),
];

/// Draws the choice of the order.
pub(super) fn order_menu(ui: &mut Ui, model: &Model, commands: &mut Commands) {
    let now = model.settings.order;
    let name = ORDERS.iter().find(|(order, ..)| *order == now).map_or("", |(_, name, _)| name);
    let title = RichText::new(format!("Sort: {name}")).small();
    for (order, _, action) in ORDERS {
        if asked(ui.ctx(), action) {
            commands.push(Command::Order(order));
        }
    }
    ui.menu_button(title, |ui| {
        for (order, name, _) in ORDERS {
            if ui.selectable_label(order == now, name).clicked() {
                commands.push(Command::Order(order));
            }
        }
    });
}

/// Entries in the order that was chosen. Files that are no networks come last where networks are sorted by counts.
pub(super) fn sorted<'a>(mut entries: Vec<&'a Entry>, model: &'a Model) -> Vec<&'a Entry> {
    let count = |entry: &Entry, of: fn(&inceptive_cost::Totals) -> u64| {
        let total = entry.network.as_ref().map(|network| of(&network.cost.total));
        (total.is_none(), total)
    };
    match model.settings.order {
        FileOrder::Name => by_name(&mut entries, model),
        FileOrder::Params => entries.sort_by_key(|entry| count(entry, |total| total.params)),
        FileOrder::Macs => entries.sort_by_key(|entry| count(entry, |total| total.macs)),
        FileOrder::Newest => {
            entries.sort_by_key(|entry| (entry.written.is_some(), Reverse(entry.written)));
        }
    }
    entries
}

/// Files of the folder itself come before those in folders inside it, of which short ones come first: so most of them are
/// seen at once.
fn by_name(entries: &mut [&Entry], model: &Model) {
    let folder_of = |entry: &Entry| model.name_of(&entry.file).parent().map(PathBuf::from);
    let mut files_of: HashMap<Option<PathBuf>, usize> = HashMap::new();
    entries.iter().for_each(|entry| *files_of.entry(folder_of(entry)).or_default() += 1);
    entries.sort_by_cached_key(|entry| {
        let name = model.name_of(&entry.file);
        let is_inside = name.components().count() > 1;
        let files = if is_inside { files_of.get(&folder_of(entry)).copied() } else { None };
        (is_inside, files, name.to_owned())
    });
}
