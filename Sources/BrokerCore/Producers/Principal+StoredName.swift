extension Principal {
    /// The name under which producers and publishes with `once` are kept, as UTF-8: empty for anonymous, as everybody
    /// was in stores from before there were others.
    var storedName: [UInt8] { self.name == Identity.anonymous.name ? [] : Array(self.name.utf8) }
}
