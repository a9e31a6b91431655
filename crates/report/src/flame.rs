//! Flame graphs: nested amounts, each part of that of its parent.

use serde::{Deserialize, Serialize};

/// Nested amounts, such as the time of calls within calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flame {
    /// What is shown. May be empty.
    #[serde(default)]
    pub title: String,
    /// The unit of the amounts.
    pub unit: crate::Unit,
    /// The parts; parents before their children.
    pub nodes: Vec<FlameNode>,
}

/// A part of a flame graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlameNode {
    /// Its name.
    pub name: String,
    /// What a reader sees on hovering, beside the name and the amount. May be empty.
    #[serde(default)]
    pub detail: String,
    /// The index of what it is part of; `None` at the top.
    pub parent: Option<u32>,
    /// Its amount, those of its children included.
    pub value: f64,
    /// Which of four colours it has.
    pub color: u8,
}

/// The number of colours.
pub(crate) const COLORS: u8 = 4;

impl Flame {
    /// Returns a flame graph of `nodes`. What is no part of anything before it is shown at the top.
    ///
    /// ```
    /// use festina_report::{Flame, FlameNode, Report, Unit, text};
    ///
    /// let node = |name: &str, parent, value| FlameNode {
    ///     name: name.to_owned(),
    ///     detail: String::new(),
    ///     parent,
    ///     value,
    ///     color: 0,
    /// };
    /// let nodes = [node("main", None, 4.0), node("solve", Some(0), 3.0), node("print", Some(0), 1.0)];
    /// let shown = text::render(&Report::new("").with(Flame::new("calls", Unit::Seconds, nodes)), &Default::default());
    /// assert_eq!(shown, "calls\n 100 %  main\n  75 %    solve\n  25 %    print\n");
    /// ```
    pub fn new(
        title: impl Into<String>,
        unit: crate::Unit,
        nodes: impl IntoIterator<Item = FlameNode>,
    ) -> Self {
        Self { title: title.into(), unit, nodes: nodes.into_iter().collect() }
    }

    /// Returns the parent of the node at `index`, if it is one before it.
    pub(crate) fn parent(&self, index: usize) -> Option<usize> {
        self.nodes[index].parent.map(|parent| parent as usize).filter(|parent| *parent < index)
    }

    /// Returns the amount of all.
    pub(crate) fn total(&self) -> f64 {
        let top = (0..self.nodes.len()).filter(|index| self.parent(*index).is_none());
        top.map(|index| self.nodes[index].value).filter(|value| value.is_finite()).sum()
    }

    /// Returns the children of each node, the largest first, and those at the top behind them.
    pub(crate) fn children(&self) -> Vec<Vec<usize>> {
        let top = self.nodes.len();
        let mut children = vec![Vec::new(); top + 1];
        for (index, node) in self.nodes.iter().enumerate() {
            if node.value.is_finite() && node.value > 0.0 {
                children[self.parent(index).unwrap_or(top)].push(index);
            }
        }
        for list in &mut children {
            list.sort_by(|a, b| self.nodes[*b].value.total_cmp(&self.nodes[*a].value));
        }
        children
    }
}
