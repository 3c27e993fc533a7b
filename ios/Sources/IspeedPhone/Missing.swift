/// Why a fact is absent, in the words samples use.
enum Missing {
    /// iOS has no way to ask: signal strength, cell, operator.
    static let api = "api_missing"
}
