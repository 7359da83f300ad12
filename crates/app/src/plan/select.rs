//! Which tasks a worker does.

use std::env;

use crate::error::PlanError;

/// Variables in which schedulers say the number of a task, and what they are called; the first that is set counts. A task of
/// HyperQueue may run inside of a job of SLURM. HyperQueue's entry is a line of a file, which begins with the number.
const VARIABLES: [&str; 4] =
    ["HQ_ENTRY", "HQ_TASK_ID", "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"];

/// What a user says about which tasks to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// One task by its number, from 0.
    Task(usize),
    /// One of several shares, from 1: `2/8`.
    Shard {
        /// Which, from 1.
        shard: usize,
        /// Of how many.
        of: usize,
    },
    /// The task that the scheduler names; if a number of shares is given, the share that it names, from 0.
    Scheduler(Option<usize>),
}

/// What named the tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// The user.
    Argument,
    /// A variable of the environment.
    Variable(&'static str),
}

/// The tasks that a worker does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Their numbers, in order.
    pub tasks: Vec<usize>,
    /// What named them.
    pub by: Given,
}

impl Selection {
    /// The tasks of a plan with so many of them.
    ///
    /// # Errors
    /// When there is no such task or share, or no variable of a scheduler is set.
    pub fn new(choice: Choice, tasks: usize) -> Result<Self, PlanError> {
        Self::from_environment(choice, tasks, |name| env::var(name).ok())
    }

    fn from_environment(
        choice: Choice,
        tasks: usize,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, PlanError> {
        match choice {
            Choice::Task(task) => Ok(Self { tasks: one(task, tasks)?, by: Given::Argument }),
            Choice::Shard { shard, of } if (1..=of).contains(&shard) => {
                Ok(Self { tasks: share(shard - 1, of, tasks), by: Given::Argument })
            }
            Choice::Shard { shard, of } => Err(PlanError::Choice(format!(
                "there is no share {shard} of {of}: they are numbered from 1"
            ))),
            Choice::Scheduler(shards) => {
                let found = VARIABLES.iter().find_map(|name| Some((*name, variable(name)?)));
                let Some((name, value)) = found else {
                    return Err(PlanError::Choice(format!(
                        "no task is named: use --task or --shard, or start it by a scheduler that sets {}",
                        VARIABLES.join(", ")
                    )));
                };
                // An entry of HyperQueue may be a line of `tasks.txt`, or a JSON value.
                let first = value.trim().trim_matches('"').split_whitespace().next();
                let number = first.and_then(|text| text.parse::<usize>().ok());
                let number = number.ok_or_else(|| {
                    PlanError::Choice(format!(
                        "{name} is `{value}`, which does not begin with the number of a task"
                    ))
                })?;
                let chosen = match shards {
                    Some(of) if number < of => share(number, of, tasks),
                    Some(of) => {
                        return Err(PlanError::Choice(format!(
                            "{name} is {number}, and there are {of} shares, numbered from 0 to {}",
                            of.saturating_sub(1)
                        )));
                    }
                    None => one(number, tasks)
                        .map_err(|error| PlanError::Choice(format!("{name}: {error}")))?,
                };
                Ok(Self { tasks: chosen, by: Given::Variable(name) })
            }
        }
    }
}

fn one(task: usize, tasks: usize) -> Result<Vec<usize>, PlanError> {
    match task < tasks {
        true => Ok(vec![task]),
        false => Err(PlanError::Choice(format!(
            "there is no task {task}: the plan has {tasks}, numbered from 0"
        ))),
    }
}

/// Every `of`-th task, so that each share has tasks of all sizes.
fn share(shard: usize, of: usize, tasks: usize) -> Vec<usize> {
    (shard..tasks).step_by(of.max(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(pairs: &[(&str, &str)], shards: Option<usize>) -> Result<Selection, String> {
        let variable = |name: &str| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Selection::from_environment(Choice::Scheduler(shards), 10, variable)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_scheduler_names_a_task() {
        for name in VARIABLES {
            let found = named(&[(name, "7")], None).unwrap();
            assert_eq!(found, Selection { tasks: vec![7], by: Given::Variable(name) });
            assert!(named(&[(name, "10")], None).unwrap_err().contains("there is no task 10"));
            assert!(named(&[(name, "x")], None).unwrap_err().contains("does not begin"), "{name}");
        }
        let inside = [("SLURM_ARRAY_TASK_ID", "1"), ("HQ_TASK_ID", "0"), ("HQ_ENTRY", "3 train a")];
        assert_eq!(named(&inside, None).unwrap().tasks, [3]);
        assert_eq!(named(&[("HQ_ENTRY", "\"4\"")], None).unwrap().tasks, [4]);
        assert!(named(&[], None).unwrap_err().contains("--task or --shard"));
    }

    #[test]
    fn shares_are_all_tasks_once() {
        let mut all = vec![];
        for shard in 1..=4 {
            all.extend(Selection::new(Choice::Shard { shard, of: 4 }, 10).unwrap().tasks);
        }
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        assert_eq!(named(&[("SLURM_ARRAY_TASK_ID", "1")], Some(4)).unwrap().tasks, [1, 5, 9]);
        assert!(
            named(&[("SLURM_ARRAY_TASK_ID", "4")], Some(4)).unwrap_err().contains("from 0 to 3")
        );
        assert!(Selection::new(Choice::Shard { shard: 0, of: 4 }, 10).is_err());
        assert!(Selection::new(Choice::Shard { shard: 5, of: 4 }, 10).is_err());
    }
}
