/// The open core and what works with it.
@MainActor
public final class Session {
    public let engine: any Engine
    public let preferences: Preferences
    public let measure: MeasureModel
    public let field: FieldModel
    public let history: HistoryModel
    public let settings: SettingsModel

    /// `upload` asks the system to send what waits.
    public init(
        engine: any Engine, phone: any RunFacts & FieldFacts, preferences: Preferences, upload: @escaping @MainActor () -> Void
    ) {
        self.engine = engine
        self.preferences = preferences
        let history = HistoryModel(engine: engine, upload: upload)
        self.history = history
        let measure = MeasureModel(engine: engine, facts: phone) { _ in
            upload()
            Task { await history.refresh() }
        }
        self.measure = measure
        field = FieldModel(engine: engine, measure: measure, phone: phone, preferences: preferences)
        settings = SettingsModel(engine: engine, facts: phone, preferences: preferences) {
            upload()
            Task { await measure.clear() }
        }
    }
}
