/// Version of the text below; it travels with every sample, so a change of the text is a new version.
public let consentVersion = "app-2026-11"

/// What was ticked. Nothing is at first.
public struct Choices: Equatable, Sendable {
    public var run = false
    public var upload = false
    public var commune = false
    public var precise = false

    public init() {}

    /// The choices of a record.
    public init(_ consent: Consent?) {
        guard let consent else { return }
        run = consent.run
        upload = consent.upload
        commune = consent.share != .none
        precise = consent.share == .precise
    }

    /// The record of these choices. The point is of use only together with its commune.
    public var consent: Consent {
        Consent(
            version: consentVersion,
            run: run,
            share: precise ? .precise : commune ? .commune : .none,
            upload: upload
        )
    }
}

/// One choice with its explanation.
public struct Choice: Equatable, Sendable {
    public var label: Phrase
    public var more: Phrase
    public var isTicked: Bool
}

/// What a person reads and ticks before the first run, and may change at any time.
public struct ConsentScreen: Equatable, Sendable {
    public var title: Phrase
    public var intro: Phrase
    public var choices: [Choice]
    public var data: Phrase?
    public var about: Phrase
    public var agree: Phrase
    public var mayAgree: Bool
    public var needed: Phrase?
}

/// The screen of the choices.
public func consentScreen(_ choices: Choices, estimate: Estimate?) -> ConsentScreen {
    ConsentScreen(
        title: say(.consentTitle),
        intro: say(.consentIntro),
        choices: [
            Choice(label: say(.consentRun), more: say(.consentRunMore), isTicked: choices.run),
            Choice(label: say(.consentUpload), more: say(.consentUploadMore), isTicked: choices.upload),
            Choice(label: say(.consentCommune), more: say(.consentCommuneMore), isTicked: choices.commune),
            Choice(label: say(.consentPrecise), more: say(.consentPreciseMore), isTicked: choices.precise),
        ],
        data: estimate.map(dataLine),
        about: say(.appAbout),
        agree: say(.consentGo),
        mayAgree: choices.run,
        needed: choices.run ? nil : say(.consentNeeded)
    )
}

private func dataLine(_ estimate: Estimate) -> Phrase {
    let most = bytes(estimate.maxBytes)
    return estimate.likelyBytes.map { say(.consentData, bytes($0), most) } ?? say(.consentDataFirst, most)
}
