//! JSON output of `inceptive explore`.

use inceptive_app::{SpaceCounts, TableNetwork, TableSearch, labels};
use inceptive_cost::{Cost, Mode};
use inceptive_dsl::Space;
use inceptive_explore::{
    Effect, Finalist, FrontPoint, Slice, Surveyed, Understood, finalists, recommendation,
};
use inceptive_ir::passes;
use inceptive_results::{
    AccuracyJudgement, Counts, Exploration, ExploredNetwork, Metric, Objective, Wave,
    statistics::Estimate,
};
use serde_json::{Map, Value, json};

/// Networks of a front whose graphs are built for their fingerprints.
const MAX_FINGERPRINTS: usize = 2000;

fn objectives(objectives: impl Iterator<Item = Objective>) -> Vec<String> {
    objectives.map(|objective| objective.to_string()).collect()
}

fn values(space: &Space, choices: &[usize]) -> Value {
    let names = space.variables.iter().map(|variable| variable.name.clone());
    names
        .zip(labels(space, choices))
        .map(|(name, label)| (name, json!(label)))
        .collect::<Map<_, _>>()
        .into()
}

fn all_counts(counts: &Counts) -> Map<String, Value> {
    let of = |metric: Metric| Some((metric.id().to_owned(), json!(counts.get(metric)?)));
    Metric::costs().filter_map(of).collect()
}

/// A network with all that is counted of it.
fn network(space: &Space, network: &Surveyed) -> Value {
    let mut object = Map::new();
    object.insert("values".to_owned(), values(space, &network.choices));
    object.extend(all_counts(&network.counts));
    object.into()
}

/// A space that was counted.
pub fn counts(space: &Space, counts: &SpaceCounts) -> Value {
    let survey = &counts.survey;
    let member = |(place, point): (usize, &FrontPoint)| {
        let mut object = Map::new();
        object.insert("values".to_owned(), values(space, &point.network.choices));
        object.extend(all_counts(&point.network.counts));
        for unknown in ["latency_ms", "top1", "probability"] {
            object.insert(unknown.to_owned(), Value::Null);
        }
        object.insert("equal".to_owned(), json!(point.equal));
        let fingerprint = (place < MAX_FINGERPRINTS).then(|| fingerprint(space, &point.network));
        object.insert("fingerprint".to_owned(), json!(fingerprint.flatten()));
        Value::from(object)
    };
    let conditions = counts.conditions.iter().zip(&survey.tallies).map(|(condition, tally)| {
        json!({
            "condition": condition.to_string(),
            "satisfied": tally.satisfied,
            "only_this_fails": tally.only_this_fails,
            "nearest": tally.nearest.as_ref().map(|it| network(space, it)),
        })
    });
    let extremes = survey.extremes.iter().map(|it| {
        let ends =
            json!({ "lowest": network(space, &it.lowest), "highest": network(space, &it.highest) });
        (it.metric.id().to_owned(), ends)
    });
    let shares = survey.shares.iter().map(|shares| {
        let names = space.variables.iter().map(|variable| variable.name.clone());
        let of_variables = shares.of_variables.as_ref().map(|all| {
            names.zip(all).map(|(name, share)| (name, json!(share))).collect::<Map<_, _>>()
        });
        (shares.metric.id().to_owned(), json!(of_variables))
    });
    json!({
        "space": space.title,
        "file": space.file.to_string_lossy(),
        "size": space.size().to_string(),
        "points": survey.points,
        "evolved": counts.evolved,
        "refused": survey.refused,
        "feasible": survey.inside,
        "complete": counts.is_complete,
        "count_seconds": counts.seconds,
        "objectives": objectives(counts.objectives.iter().copied()),
        "conditions": conditions.collect::<Vec<_>>(),
        "extremes": extremes.collect::<Map<_, _>>(),
        "variance": shares.collect::<Map<_, _>>(),
        "trained": 0,
        "measured": 0,
        "front": survey.front.iter().enumerate().map(member).collect::<Vec<_>>(),
    })
}

fn fingerprint(space: &Space, network: &Surveyed) -> Option<String> {
    let architecture = space.network(&network.choices).ok()?;
    let graph = passes::inference(&architecture.graph).ok()?;
    debug_assert_eq!(
        Counts::new(&graph, &Cost::new(&graph, Mode::Inference)).get(Metric::Macs),
        network.counts.get(Metric::Macs)
    );
    Some(graph.fingerprint().to_string())
}

/// A search that was finished.
pub fn exploration(exploration: &Exploration) -> Value {
    let finalists = finalists(exploration);
    let networks: Vec<Value> = exploration
        .networks
        .iter()
        .enumerate()
        .map(|(at, network)| {
            let finalist = finalists.iter().find(|it| it.network == at);
            explored(exploration, network, finalist)
        })
        .collect();
    let front: Vec<&Value> =
        networks.iter().filter(|network| network["on_front"] == Value::Bool(true)).collect();
    let outcomes = || exploration.networks.iter().filter_map(|network| network.outcome.as_ref());
    json!({
        "space": exploration.space.title,
        "file": exploration.space.file,
        "size": exploration.counted.size,
        "points": exploration.counted.points,
        "feasible": exploration.counted.feasible,
        "complete": exploration.counted.complete,
        "count_seconds": exploration.counted.seconds,
        "objectives": objectives(exploration.request.objectives.iter().map(|&it| it.into())),
        "conditions": exploration.request.conditions,
        "dataset": exploration.request.dataset,
        "recipe": exploration.request.recipe,
        "seeds": exploration.request.seeds,
        "seed": exploration.request.seed,
        "budget_s": exploration.request.budget_s,
        "scores": exploration.request.scores,
        "rungs": exploration.rungs.iter().map(|[epochs, networks]| json!({ "epochs": epochs, "networks": networks })).collect::<Vec<_>>(),
        "waves": exploration.waves.iter().map(wave).collect::<Vec<_>>(),
        "correlation_of_seeds": exploration.seed_correlation,
        "trained": exploration.networks.len(),
        "measured": outcomes().filter(|it| it.latency_ms.is_some()).count(),
        "front": front,
        "recommendation": recommended(exploration, &networks),
        "networks": networks,
        "understood": understood(&Understood::of(exploration)),
    })
}

/// Networks that were chosen together.
fn wave(wave: &Wave) -> Value {
    json!({
        "networks": wave.networks,
        "chosen_by_surrogate": wave.proposed,
        "surrogate": wave.judgement.as_ref().map(judgement),
    })
}

/// The network that is recommended, and why.
fn recommended(exploration: &Exploration, networks: &[Value]) -> Value {
    let preference = &exploration.preference;
    let weights: Map<String, Value> = preference
        .weights
        .iter()
        .map(|(metric, weight)| (metric.id().to_owned(), json!(weight)))
        .collect();
    match recommendation(exploration, preference) {
        Ok(Some(found)) => json!({
            "condition": preference.condition,
            "weights": weights,
            "network": found.network.map(|at| &networks[at]),
            "reason": found.reason,
        }),
        Ok(None) | Err(_) => Value::Null,
    }
}

/// A network of a search.
fn explored(
    exploration: &Exploration,
    network: &ExploredNetwork,
    finalist: Option<&Finalist>,
) -> Value {
    let variables = &exploration.space.variables;
    let values: Map<String, Value> =
        variables.iter().cloned().zip(network.values.iter().map(|value| json!(value))).collect();
    let outcome = network.outcome.as_ref();
    json!({
        "name": network.subject.name_with_point(),
        "values": values,
        "params": network.subject.params,
        "macs": network.subject.macs,
        "acts": network.subject.acts,
        "latency_ms": outcome.and_then(|it| it.latency_ms).map(|it| it.value),
        "latency_interval": outcome.and_then(|it| it.latency_ms).map(|it| [it.low, it.high]),
        "top1": outcome.map(|it| it.top1.value),
        "top1_interval": outcome.map(|it| [it.top1.low, it.top1.high]),
        "top1_seeds": outcome.map(|it| it.seeds.clone()),
        "probability": outcome.and_then(|it| it.probability),
        "on_front": outcome.is_some_and(|it| it.on_front),
        "is_knee": finalist.is_some_and(|it| it.is_knee),
        "tied_with": finalist.and_then(|it| it.tied_with).map(|at| exploration.networks[at].subject.name_with_point()),
        "rungs": network.rungs,
        "fingerprint": network.subject.fingerprint,
    })
}

fn interval(estimate: Estimate) -> Value {
    json!({ "value": estimate.value, "interval": [estimate.low, estimate.high] })
}

/// What the networks say about the variables.
fn understood(understood: &Understood) -> Value {
    let effect = |values: &[String], effect: &Option<Effect>| match effect {
        None => Value::Null,
        Some(Effect::Range { from, to, change }) => {
            json!({ "from": values[*from], "to": values[*to], "change": interval(*change) })
        }
        Some(Effect::Values(effects)) => effects
            .iter()
            .map(|(value, estimate)| (values[*value].clone(), interval(*estimate)))
            .collect::<Map<_, _>>()
            .into(),
    };
    let slice = |at: usize, slice: &Slice| {
        json!({
            "values": understood.range(at, slice.values),
            "networks": slice.networks,
            "top1": interval(slice.accuracy),
        })
    };
    let slices = |at: usize| -> Option<Vec<Value>> {
        let all = understood.slices.as_ref()?.of_variables[at].as_ref()?;
        Some(all.iter().map(|it| slice(at, it)).collect())
    };
    let variable = |(at, name): (usize, &String)| {
        let values = &understood.values[at];
        let importance = understood.importance.as_ref().map(|all| all[at]);
        let of = |all: &Option<Vec<Option<Effect>>>| {
            all.as_ref().map_or(Value::Null, |all| effect(values, &all[at]))
        };
        let object = json!({
            "importance": importance.map(|it| interval(it.overall)),
            "importance_among_good": importance.and_then(|it| it.among_good).map(interval),
            "top1": of(&understood.accuracy),
            "slices": slices(at),
            understood.metric.id(): of(&understood.cost),
        });
        (name.clone(), object)
    };
    let interaction = understood.slices.as_ref().and_then(|it| it.interaction.as_ref());
    let interaction = interaction.map(|found| {
        let [first, second] = found.variables;
        let ranges = |variable: usize, groups: &[[usize; 2]]| -> Vec<String> {
            groups.iter().map(|&values| understood.range(variable, values)).collect()
        };
        json!({
            "variables": found.variables.map(|at| &understood.variables[at]),
            "share": found.share,
            "by_chance": found.by_chance,
            "is_real": found.is_real(),
            "columns": ranges(first, &found.groups[0]),
            "rows": ranges(second, &found.groups[1]),
            "top1": found.means,
        })
    });
    json!({
        "interaction": interaction,
        "networks": understood.networks,
        "variables": understood.variables.iter().enumerate().map(variable).collect::<Map<_, _>>(),
        "surrogate": understood.judgement.as_ref().map(judgement),
    })
}

fn judgement(judgement: &AccuracyJudgement) -> Value {
    json!({
        "networks": judgement.networks,
        "is_used": judgement.is_good(),
        "correlation": judgement.correlation,
        "of_params": judgement.of_params,
        "of_chance": judgement.of_chance,
        "best": judgement.best,
        "among_best": judgement.among_best,
        "of_params_among_best": judgement.of_params_among_best,
        "scores": judgement.scores,
        "uses_scores": judgement.uses_scores,
    })
}

/// A search with the accuracies of a table.
pub fn table(space: &Space, found: &TableSearch) -> Value {
    let object = |network: &TableNetwork| {
        let names = space.variables.iter().map(|variable| variable.name.clone());
        let values: Map<String, Value> =
            names.zip(network.values.iter().map(|value| json!(value))).collect();
        let mut object = Map::new();
        object.insert("values".to_owned(), values.into());
        object.extend(all_counts(&network.counts));
        object.insert("top1".to_owned(), json!(network.accuracy));
        object.insert("rows".to_owned(), json!(network.rows));
        object.insert("on_front".to_owned(), json!(network.on_front));
        Value::from(object)
    };
    json!({
        "space": space.title,
        "file": space.file.to_string_lossy(),
        "size": space.size().to_string(),
        "listed": found.listed,
        "refused": found.refused,
        "feasible": found.feasible,
        "objectives": objectives(found.objectives.iter().copied()),
        "looked_up": found.networks.len(),
        "chosen_by_surrogate": found.guided,
        "surrogate": found.judgement.as_ref().map(judgement),
        "correlation_of_seeds": found.ceiling,
        "best_top1": found.best,
        "knee": found.knee.map(|at| object(&found.networks[at])),
        "front": found.front().into_iter().map(object).collect::<Vec<_>>(),
        "networks": found.networks.iter().map(object).collect::<Vec<_>>(),
        "understood": understood(&found.understood),
    })
}
