import BrokerWire

/// Which rules are made from which: views of views may go on, but not in a circle, and not from memory to disk.
struct ViewGraph {
    struct Rule {
        var path: String
        var topic: String
        var filter: TopicFilter?
        /// `nil` for a rule that is no view.
        var from: TopicFilter?
        var durability: String
    }

    let rules: [Rule]

    var problems: [ConfigurationProblem] { self.mixtures + self.circles }

    /// The rules whose topics the view at `index` is made from.
    private func sources(of index: Int) -> [Int] {
        guard let from = self.rules[index].from else { return [] }
        return self.rules.indices.filter { self.rules[$0].filter?.overlaps(from) == true }
    }

    /// A view that is kept otherwise than what it is made from would say something else after a restart.
    private var mixtures: [ConfigurationProblem] {
        self.rules.indices.flatMap { index in
            self.sources(of: index).filter { self.rules[$0].durability != self.rules[index].durability }.map { source in
                let (view, source) = (self.rules[index], self.rules[source])
                let text =
                    "'\(view.durability)', and '\(source.topic)', which it is made from, has '\(source.durability)' "
                    + "(\(source.path)): they have to be the same"
                return ConfigurationProblem(path: "\(view.path).durability", text: text)
            }
        }
    }

    private var circles: [ConfigurationProblem] {
        self.rules.indices.compactMap { index in
            var visited: Set<Int> = []
            guard let way = self.way(from: index, backTo: index, [index], &visited) else { return nil }
            // Each circle once, at its first rule.
            guard way.min() == index else { return nil }
            let names = (way + [index]).map { "'\(self.rules[$0].topic)'" }.joined(separator: ", made from ")
            let text = "the view is made from itself: \(names)"
            return ConfigurationProblem(path: "\(self.rules[index].path).from", text: text)
        }
    }

    /// The rules on a way from one to another along what they are made from.
    ///
    /// - `visited`: Rules from which the end can not be reached; each is looked at once.
    private func way(from start: Int, backTo end: Int, _ way: [Int], _ visited: inout Set<Int>) -> [Int]? {
        for source in self.sources(of: start) where self.rules[source].from != nil {
            if source == end { return way }
            guard visited.insert(source).inserted else { continue }
            if let way = self.way(from: source, backTo: end, way + [source], &visited) { return way }
        }
        return nil
    }
}
