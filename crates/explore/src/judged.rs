//! How well accuracies can be predicted, in words.

use inceptive_format::{counted, significant};
use inceptive_results::{AccuracyJudgement, Exploration, ScoreJudgement, Wave};

/// How well accuracies can be predicted, in words.
pub fn judgement_sentence(judgement: &AccuracyJudgement) -> String {
    let networks = counted(judgement.networks, "network", "networks");
    let among = match judgement.among_best {
        Some(among) => format!(" ({} among the best {})", significant(among), judgement.best),
        None => String::new(),
    };
    let of_params = significant(judgement.of_params);
    let params = match judgement.of_params_among_best {
        Some(among) => format!("{of_params} ({})", significant(among)),
        None => of_params,
    };
    let verdict = match judgement.is_good() {
        true => "the surrogate ranks better than both",
        false => "the surrogate does not rank better than both",
    };
    let used = match (judgement.scores.is_empty(), judgement.uses_scores) {
        (true, _) => "",
        (false, true) => ", with the scores as inputs",
        (false, false) => ", without the scores, as it is not better with them",
    };
    format!(
        "Rank correlation of predicted and known accuracies, cross-validated on {networks}{used}: {}{among}; of the number of \
         parameters: {params}{}; chance reaches {}: {verdict}",
        significant(judgement.correlation),
        scores(judgement),
        significant(judgement.of_chance)
    )
}

/// How well scores of untrained networks rank, as the end of a list.
fn scores(judgement: &AccuracyJudgement) -> String {
    let said = |it: &ScoreJudgement| {
        let among = it.among_best.map(|among| format!(" ({})", significant(among)));
        let (title, correlation) = (it.score.title(), significant(it.correlation));
        format!(", of {title}: {correlation}{}", among.unwrap_or_default())
    };
    judgement.scores.iter().map(said).collect()
}

/// How the networks of a search were chosen, a sentence for each wave; nothing if they were chosen all at once.
pub fn wave_sentences(exploration: &Exploration) -> Vec<String> {
    let mut from = 1;
    let sentence = |wave: &Wave| {
        let networks = match wave.networks {
            1 => format!("network {from}"),
            count => format!("networks {from} to {}", from + count - 1),
        };
        from += wave.networks;
        said(wave, &networks)
    };
    let mut sentences: Vec<String> = exploration.waves.iter().map(sentence).collect();
    sentences.extend(exploration.seed_correlation.map(|correlation| {
        format!(
            "Two seeds of the same networks would correlate at about {}, judged by the seeds of the finalists: no prediction \
             exceeds that by much",
            significant(correlation)
        )
    }));
    sentences
}

fn said(wave: &Wave, networks: &str) -> String {
    let chosen = match (wave.proposed, wave.networks) {
        (None, _) => format!("{networks}: not yet chosen"),
        (Some(0), _) => format!("{networks} were chosen by cost and values"),
        (Some(proposed), count) if proposed == count => {
            format!("{networks} were proposed by the surrogate")
        }
        (Some(proposed), count) => format!(
            "of {networks}, {proposed} were proposed by the surrogate, {} chosen by cost and values",
            count - proposed
        ),
    };
    match &wave.judgement {
        Some(judgement) => format!("{}; {chosen}", judgement_sentence(judgement)),
        None => {
            let mut letters = chosen.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use inceptive_results::{ProxyScore, example};

    use super::*;

    #[test]
    fn each_wave_is_explained() {
        let mut search = example::search();
        search.waves[1].proposed = None;
        search.waves[1].judgement = None;
        search.seed_correlation = None;
        assert_eq!(
            wave_sentences(&search),
            [
                "Networks 1 to 12 were chosen by cost and values",
                "Networks 13 to 24: not yet chosen"
            ]
        );
        assert_eq!(
            wave_sentences(&example::search())[1..],
            [
                "Rank correlation of predicted and known accuracies, cross-validated on 12 networks: 0.840; of the number of \
                 parameters: 0.620; chance reaches 0.496: the surrogate ranks better than both; of networks 13 to 24, 9 were \
                 proposed by the surrogate, 3 chosen by cost and values",
                "Two seeds of the same networks would correlate at about 0.930, judged by the seeds of the finalists: no \
                 prediction exceeds that by much"
            ]
        );
        assert!(wave_sentences(&example::exploration()).is_empty());
    }

    #[test]
    fn scores_are_listed_and_it_is_said_whether_they_are_used() {
        let score = |score, among_best| ScoreJudgement { score, correlation: 0.5, among_best };
        let mut judgement = example::accuracy_judgement();
        judgement.scores =
            vec![score(ProxyScore::Naswot, Some(-0.25)), score(ProxyScore::Synflow, None)];
        assert_eq!(
            judgement_sentence(&judgement),
            "Rank correlation of predicted and known accuracies, cross-validated on 12 networks, without the scores, as it is not \
             better with them: 0.840; of the number of parameters: 0.620, of NASWOT: 0.500 (-0.250), of SynFlow: 0.500; chance \
             reaches 0.496: the surrogate ranks better than both"
        );
        judgement.uses_scores = true;
        assert!(
            judgement_sentence(&judgement).contains("networks, with the scores as inputs: 0.840;")
        );
    }
}
