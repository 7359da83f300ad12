//! The columns that records of several kinds have.

use inceptive_results::{Machine, NetworkInfo, Record};

use super::{Cell, Column, count, text};
use crate::store::Stored;

/// The columns of the network, the number of the record first.
pub(super) fn subject<R: Record>() -> Vec<Column<R>> {
    use Cell::{Count as C, Text as T};
    vec![
        count("id", |s| C(s.id.unsigned_abs())),
        text("model", |s| of_network(s, |network| T(network.name.clone()))),
        text("file", |s| of_network(s, |network| T(network.file.clone()))),
        text("point", |s| of_network(s, |network| words(&network.point))),
        text("fingerprint", |s| of_network(s, |network| T(network.fingerprint.clone()))),
        count("input_channels", |s| of_network(s, |network| C(network.input[0].into()))),
        count("input_height", |s| of_network(s, |network| C(network.input[1].into()))),
        count("input_width", |s| of_network(s, |network| C(network.input[2].into()))),
        count("params", |s| of_network(s, |network| C(network.params))),
        count("macs", |s| of_network(s, |network| C(network.macs))),
        count("flops", |s| of_network(s, |network| C(network.flops))),
        count("acts", |s| of_network(s, |network| C(network.acts))),
    ]
}

/// The columns of the machine, the version of the program and the time.
pub(super) fn place<R: Record>(version: fn(&Stored<R>) -> Cell) -> Vec<Column<R>> {
    use Cell::{Count as C, Text as T};
    vec![
        text("machine", |s| of_machine(s, |machine| T(machine.id()))),
        text("cpu", |s| of_machine(s, |machine| T(machine.cpu.clone()))),
        count("physical_cores", |s| of_machine(s, |machine| C(machine.physical_cores.into()))),
        count("logical_cores", |s| of_machine(s, |machine| C(machine.logical_cores.into()))),
        text("isa", |s| of_machine(s, |machine| words(&machine.isa))),
        count("l1d_bytes", |s| of_machine(s, |machine| maybe(machine.l1d_bytes, C))),
        count("l2_bytes", |s| of_machine(s, |machine| maybe(machine.l2_bytes, C))),
        count("l3_bytes", |s| of_machine(s, |machine| maybe(machine.l3_bytes, C))),
        count("machine_memory_bytes", |s| of_machine(s, |machine| C(machine.memory_bytes))),
        text("os", |s| of_machine(s, |machine| T(machine.os.clone()))),
        text("kernel", |s| of_machine(s, |machine| T(machine.kernel.clone()))),
        text("arch", |s| of_machine(s, |machine| T(machine.arch.clone()))),
        text("virtual", |s| of_machine(s, |machine| T(yes_or_no(machine.is_virtual)))),
        text("governor", |s| of_machine(s, |machine| maybe(machine.governor.clone(), T))),
        text("version", version),
        count("finished_unix_ms", |s| maybe(s.result.run(), |run| C(run.finished_unix_ms))),
    ]
}

fn of_network<R: Record>(stored: &Stored<R>, cell: impl FnOnce(&NetworkInfo) -> Cell) -> Cell {
    maybe(stored.result.run(), |run| cell(run.subject))
}

fn of_machine<R: Record>(stored: &Stored<R>, cell: impl FnOnce(&Machine) -> Cell) -> Cell {
    maybe(stored.result.run(), |run| cell(run.machine))
}

pub(super) fn yes_or_no(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

pub(super) fn maybe<T>(value: Option<T>, cell: impl FnOnce(T) -> Cell) -> Cell {
    value.map_or(Cell::Absent, cell)
}

fn words(words: &[String]) -> Cell {
    Cell::Text(words.join(" "))
}
