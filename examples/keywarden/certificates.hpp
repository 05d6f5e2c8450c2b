/// @file
/// Certificates and private keys as commands read, make, show and write them: files, no vault.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <keywarden/pki/certificate_options.hpp>
#include <keywarden/pki/files.hpp>
#include <keywarden/pki/pfx_options.hpp>
#include <keywarden/pki/thumbprint.hpp>

#include "basics.hpp"
#include "passwords.hpp"

namespace cli {

namespace options {
inline constexpr option subject{"subject", option::kind::value, "TEXT",
                                "whom it names: a name, or \"CN=name\""};
inline constexpr option dns_names{"dns", option::kind::list, "NAME",
                                  "a host name, or *.DOMAIN (may be repeated)"};
inline constexpr option ip_addresses{"ip", option::kind::list, "ADDRESS",
                                     "an IP address (may be repeated)"};
inline constexpr option key_algorithm{"algorithm", option::kind::value, "KIND",
                                      "p256 (the default), p384, rsa2048 or rsa3072"};
inline constexpr option days{"days", option::kind::value, "N", "how long it is valid; a year"};
inline constexpr option expires{"expires", option::kind::value, "YYYY-MM-DD",
                                "the day it ends, instead of --days"};
inline constexpr option out{"out", option::kind::value, "NAME",
                            "what the files are called: NAME.cer and the like"};
inline constexpr option new_pfx_password{
    "pfx-password", option::kind::new_password, "the PFX file",
    "chosen by the person whose certificate it is, and known to nobody else"};
inline constexpr option pfx_password{"pfx-password", option::kind::password, "the PFX file", {}};
}  // namespace options

/// A date as people type it, YYYY-MM-DD, UTC. Errors: usage.
[[nodiscard]] keywarden::result<keywarden::time_point> parse_date(const std::string& text);

/// `--days` or `--expires`, from `now` on. Errors: usage.
[[nodiscard]] keywarden::result<std::optional<keywarden::time_point>> expiry_option(
    const context& at, keywarden::time_point now);

/// The names of `--subject`: "CN=a, CN=b", or one name. Errors: usage.
[[nodiscard]] keywarden::result<std::vector<std::string>> subject_names(const context& at);

/// What `--subject`, `--dns`, `--ip`, `--days` and `--expires` say. Of a server, each name of the
/// subject that is a host's or an address is an alternative name as well, for that is what clients
/// compare. Errors: usage, also for a server without such a name.
[[nodiscard]] keywarden::result<keywarden::pki::certificate_options> options_of(
    const context& at, bool of_server, keywarden::time_point now);

/// A new key as `--algorithm` says. Errors: usage, `backend_failed`.
[[nodiscard]] keywarden::result<keywarden::pki::signing_key> new_key(const context& at);

/// Certificates in a file, at least one. Errors: `io_failed`, `malformed` with what it is instead.
[[nodiscard]] keywarden::result<std::vector<keywarden::pki::certificate>> certificates_of(
    const std::string& path);

/// A private key in a file; the password of this option is read if the key is encrypted.
[[nodiscard]] keywarden::result<keywarden::pki::signing_key> private_key_of(
    const context& at, const std::string& path, std::string_view password_option);

/// A path that ends in .pfx or .p12.
[[nodiscard]] bool is_pfx(std::string_view path);

/// Refuses what exists, before anything is made. Errors: `already_exists`.
[[nodiscard]] keywarden::result<void> expect_free(const context& at,
                                                  const std::vector<std::string>& paths);

/// Writes a PFX file, readable by its owner only. Errors: as `pki::write_pfx` and `write_file`.
[[nodiscard]] keywarden::result<void> write_pfx_file(const context& at, const std::string& path,
                                                     const keywarden::pki::identity& from,
                                                     const keywarden::password& protection,
                                                     keywarden::pki::pfx_options how = {});

/// Writes certificates as PEM text, readable by all. Errors: as `write_file`.
[[nodiscard]] keywarden::result<void> write_certificates(
    const context& at, const std::string& path,
    const std::vector<keywarden::pki::certificate>& which);

/// A text that a stranger may have written, without what a terminal would obey.
[[nodiscard]] std::string printable(std::string_view from_a_stranger);

/// Adds "Label:   value" to an answer's text.
void add_line(answer& to, std::string_view label, std::string_view value);

/// What a certificate says, for people and for machines.
[[nodiscard]] answer described(const keywarden::pki::certificate& one);

/// Its SHA-1 and SHA-256 thumbprints, which a configuration takes.
void add_thumbprints(answer& to, const keywarden::pki::certificate& of);

/// A row of a table.
[[nodiscard]] json row_of(const keywarden::pki::certificate& one);

/// Whole days until it ends; negative once it has.
[[nodiscard]] std::int64_t days_left(const keywarden::pki::certificate& of);

}  // namespace cli
