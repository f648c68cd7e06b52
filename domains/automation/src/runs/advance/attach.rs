//! What comes with an event: outputs, items, answers, and what nodes ask for.

use atelier_entities::{RunId, WaitKind};

use super::{Advance, Question};
use crate::{
    engine::{Event, NodeAt, Outcome, WaitRequest},
    runs::event::Attached,
};

impl Advance<'_> {
    /// Keeps what came with an event that was taken.
    pub(super) fn attach(&mut self, id: RunId, event: &Event, attached: Attached) {
        if let Event::Ended(at, outcome) = event {
            return self.attach_end(id, at, outcome, attached);
        }
        let now = self.now();
        let Some(run) = self.runs.runs.get_mut(&id) else { return };
        let Attached { output, answer, signal, by, .. } = attached;
        match event {
            Event::Decided(at, _) => {
                let place = (at.scope.clone(), at.node);
                if let Some(answer) = answer {
                    run.set_answer(&place, answer);
                }
                if let Some(output) = output {
                    run.set_output(place, output);
                }
            }
            Event::ChildEnded(at, _) | Event::JobEnded(at, _) => {
                if let Some(output) = output {
                    run.set_output((at.scope.clone(), at.node), output);
                }
            }
            Event::Signal { .. } => {
                if let Some(signal) = signal {
                    run.add_signal(signal);
                }
            }
            Event::Pause => (run.row.paused_by, run.row.paused_at) = (by, Some(now)),
            _ => {}
        }
    }

    /// Keeps what came with the end of an attempt.
    fn attach_end(&mut self, id: RunId, at: &NodeAt, outcome: &Outcome, mut attached: Attached) {
        match outcome {
            Outcome::Wait(request) => self.attach_wait(id, at, request, &mut attached),
            Outcome::Child => {
                self.enter_wait(id, at, &mut attached);
                self.children.extend(attached.child.map(|child| ((id, at.clone()), child)));
            }
            _ => {}
        }
        let Some(run) = self.runs.runs.get_mut(&id) else { return };
        let place = (at.scope.clone(), at.node);
        match (outcome, attached.output, attached.items) {
            (Outcome::Done { .. } | Outcome::Wait(_), Some(output), _) => run.set_output(place, output),
            (Outcome::Items { .. }, _, Some(items)) => run.set_items(place, items),
            _ => {}
        }
    }

    fn attach_wait(&mut self, id: RunId, at: &NodeAt, request: &WaitRequest, attached: &mut Attached) {
        let question = attached.question.as_ref().filter(|_| request.kind == WaitKind::Approval);
        let asked = question
            .zip(self.ports)
            .map(|(question, ports)| Question::new(id, at.clone(), question, &ports.links));
        self.enter_wait(id, at, attached);
        if let Some((question, token_hash)) = asked {
            if let Some(run) = self.runs.runs.get_mut(&id) {
                run.set_token(&(at.scope.clone(), at.node), token_hash);
            }
            self.questions.push(question);
        }
        self.starts.extend(attached.start.take().map(|start| ((id, at.clone()), start)));
    }

    fn enter_wait(&mut self, id: RunId, at: &NodeAt, attached: &mut Attached) {
        if let Some(run) = self.runs.runs.get_mut(&id) {
            run.enter_wait(at, attached.question.take());
        }
    }
}
