// make_corpus <folder>: writes the seeds into <folder>/corpus and what they are into
// <folder>/originals.hpp.
//
// The committed seeds were written by it once. Running it again replaces them all, because nonces,
// salts and ids are random; it is needed only when a format or world.hpp changes.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include <botan/der_enc.h>
#include <botan/pkcs12.h>

#include <keywarden/key/opened_key.hpp>
#include <keywarden/key/stream.hpp>
#include <keywarden/pki/certificate_request.hpp>
#include <keywarden/store/journal.hpp>
#include <keywarden/vault/backup.hpp>
#include <keywarden/vault/master_copy.hpp>

#include "fuzz/pfx_files.hpp"
#include "fuzz/world.hpp"
#include "support/hostile_world.hpp"

using namespace keywarden;
using namespace keywarden::fuzz;

namespace {

class corpus {
 public:
  explicit corpus(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void seed(const std::string& target, const std::string& name, bytes_view data) {
    const auto folder = folder_ / "corpus" / target;
    std::filesystem::create_directories(folder);
    std::ofstream(folder / name, std::ios::binary) << as_text(data);
  }
  void seed(const std::string& target, const std::string& name, std::string_view text) {
    seed(target, name, as_bytes(text));
  }
  /// A seed that opens; nothing else may.
  void original(const std::string& target, const std::string& name, bytes_view data) {
    seed(target, name, data);
    list_ += "    {\"" + target + "\", \"" + name + "\",\n     \"" +
             to_hex(store::detail::digest_of(data).value()) + "\"},\n";
  }
  void write_list() const {
    std::ofstream(folder_ / "originals.hpp")
        << "/// @file\n"
           "/// The seeds that open, by their SHA-256. Written by make_corpus.\n"
           "#pragma once\n\n"
           "#include <string_view>\n\n"
           "namespace keywarden::fuzz {\n\n"
           "struct original {\n"
           "  std::string_view target;\n"
           "  std::string_view file;\n"
           "  std::string_view sha256;\n"
           "};\n\n"
           "// clang-format off\n"
           "inline constexpr original originals[] = {\n"
        << list_
        << "};\n"
           "// clang-format on\n\n"
           "}  // namespace keywarden::fuzz\n";
  }

 private:
  std::filesystem::path folder_;
  std::string list_;
};

template <class... Protectors>
bytes record_with(const Protectors&... ways) {
  auto record =
      opened_record::create(record_kind, record_name::parse(record_path).value(),
                            requirements_of<everything>, plaintext::copy_of(content(material_size)))
          .value();
  const auto sealed_ring = ring();
  record.header().versions = detail::ring_versions(sealed_ring);
  record.header().attributes = {{"note", "fuzz"}};
  (static_cast<void>(record.add_slot(ways, "a way in").value()), ...);
  return record.encode().value();
}

void key_records(corpus& out) {
  out.original("key_record", "parent.json", record_with(service_key()));
  out.original("key_record", "password.json", record_with(knows("correct horse")));
  out.original("key_record", "recipient.json", record_with(key_holder()));
  out.original("key_record", "all_of.json", record_with(machine_and_person()));
  out.original("key_record", "threshold.json", record_with(quorum()));
  out.original("key_record", "several.json", record_with(knows("correct horse"), service_key()));
  out.seed("key_record", "stranger.json",
           record_with(protect::service_master_key(
               protect::parent_key{record_id(), key_id(1), key_of(1)})));
}

template <class Aead, class Format>
void messages(corpus& out, const std::string& name) {
  const auto now = opened_key<rows, Aead, Format>::create(ring()).value();
  const auto earlier = opened_key<rows, Aead, Format>::create(earlier_ring()).value();
  const auto about = as_bytes(associated);
  out.original("message", name + "_empty", now.seal({}, about).value().view());
  out.original("message", name + "_short", now.seal(content(37), about).value().view());
  out.original("message", name + "_retired", earlier.seal(content(300), about).value().view());
  out.seed("message", name + "_other", now.seal(content(37), as_bytes("other")).value().view());
}

template <class Form>
void streams(corpus& out, const std::string& name) {
  const auto now = opened_stream_key<rows, Form>::create(ring()).value();
  const auto earlier = opened_stream_key<rows, Form>::create(earlier_ring()).value();
  stream_options options;
  options.segment_size = stream::least_segment_size;
  const auto seal = [&](const auto& key, const std::string& kind, std::size_t size) {
    bytes made;
    static_cast<void>(
        key.seal(memory_source(content(size)), bytes_sink(made), as_bytes(associated), options)
            .value());
    out.original("stream", name + "_" + kind, made);
  };
  const stream::layout places{options.segment_size, Form::header_size};
  seal(now, "empty", 0);
  seal(now, "short", 100);
  seal(earlier, "retired", 500);
  seal(now, "whole_segment", places.plain_at(0));
  seal(now, "two_segments", places.plain_at(0) + 1000);
}

void copies_and_backups(corpus& out) {
  auto header = copied_header();
  header.slots.push_back(
      protect::make_slot(service_key(), copied_key(), header, "service master key").value());
  out.original("master_copy", "copy.json", detail::master_copy(header).value());
  out.original("backup", "backup.json",
               detail::write_backup<backup_protector>(record_kind, "fuzz", header.id, ring(),
                                                      backup_password())
                   .value());
  out.seed("backup", "service.json",
           detail::write_backup<backup_protector>(role::service_master_key::name, "", header.id,
                                                  ring(), backup_password())
               .value());
}

void journals(corpus& out) {
  const auto name = [](std::string_view text) { return record_name::parse(text).value(); };
  const auto sum = store::detail::digest_of({}).value();
  out.seed("journal", "empty", store::detail::encode_journal({}).value());
  out.seed("journal", "remove",
           store::detail::encode_journal({{name("smk"), std::nullopt}}).value());
  out.seed("journal", "several",
           store::detail::encode_journal({{name("smk"), sum},
                                          {name("db/fuzz/dmk"), std::nullopt},
                                          {name("db/fuzz/symmetric_key/a.b-c_1"), sum}})
               .value());
}

void texts(corpus& out) {
  out.seed("strict_json", "read.json",
           R"({"text": "a text", "number": 17, "flag": true, "base64": "AAECAw==",
 "hex": "000102030405060708090a0b0c0d0e0f", "array": [1, "two", null], "object": {"a": {"b": []}}})");
  out.seed("strict_json", "twice.json", R"({"a": {"b": 1, "b": 2}, "c": 3})");
  out.seed("strict_json", "escaped_twice.json", R"({"ab": 1, "a\u0062": 2})");
  out.seed("strict_json", "deep.json", std::string(26, '[') + std::string(26, ']'));
  out.seed("strict_json", "numbers.json",
           "[0, -0, 18446744073709551615, 18446744073709551616, -9223372036854775808, 1e308, 0.1]");
  out.seed("strict_json", "texts.json", R"(["\ud83d\ude00", "é", "\"\\\/\b\f\n\r\t\u0000"])");
  out.seed("strict_json", "base64_over_limit.json",
           R"({"text": "a text", "number": 17, "flag": true, "base64": "AAEC060708090a0b0c0d0e0f",
 "hex": "000102030405060708090a0b0c0d0e0f", "array": [1, "two", null], "object": {"a": {"b": []}}})");
  out.seed("strict_json", "cut.json", R"({"a": [1, 2)");
  out.seed("strict_json", "byte_order_mark.json", "\xef\xbb\xbf{}");
  out.seed("encoding", "hex", "000102030405060708090a0b0c0d0e0f");
  out.seed("encoding", "hex_upper", "00AA");
  out.seed("encoding", "hex_spaced", "00 aa");
  out.seed("encoding", "base64", "AAECAwQFBgc=");
  out.seed("encoding", "base64_loose", "AAECAwQFBgd=");
  out.seed("encoding", "base64_spaced", "AAEC\nAwQF");
  out.seed("encoding", "name", "db/fuzz/symmetric_key/a.b-c_1");
  out.seed("encoding", "name_up", "db/../smk");
}

/// The example's configuration, what becomes of it, and the lines that the source document shows.
void configurations(corpus& out) {
  std::ifstream file(KEYWARDEN_SOURCE_DIR "/examples/split_merge_service/SplitMerge.cscfg");
  const std::string whole(std::istreambuf_iterator<char>(file), {});
  const auto with = [](std::string text, std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
    return text;
  };
  out.seed("config", "example.cscfg", whole);
  out.seed("config", "secret.cscfg", with(whole, "Integrated Security=true", "Password=kept back"));
  out.seed("config", "http_open.cscfg",
           with(whole, "\"HttpIn\" accessControl=\"DenyAll\"",
                "\"HttpIn\" accessControl=\"Restricted\""));
  out.seed("config", "windows.cscfg", "\xef\xbb\xbf" + with(whole, "\n", "\r\n"));
  out.seed(
      "config", "turned_off.cscfg",
      with(with(whole, "ForClientCertificates\" value=\"true\"",
                "ForClientCertificates\" value=\"false\""),
           "5D2F0B1C8E7A43966F10C2B9D4E8A7310C5B9F62", "3B7E6A15D09C4F2281E5B6A7C0D4F39E8A2B1C66"));
  out.seed("config", "document.cscfg",
           R"(<AccessControl name="Retricted">
<Rule action="permit" description="Some" order="1" remoteSubnet=""/>
<Rule action="deny" description="None" order="2" remoteSubnet="" />
<EndpointAcl role="SplitMergeWeb" endPoint="HttpsIn" accessControl="Restricted" />
)");
  out.seed("config", "rules.cscfg",
           R"(<ServiceConfiguration serviceName="a"
    xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration">
<Role name='SplitMergeWeb'><Instances count="1"/><ConfigurationSettings>
<Setting name="DynamicIpRestrictionMaxRequests" value="&#49;00"/>
<Setting name="ElasticScaleMetadata" value="a &amp; b&#x200E;"/></ConfigurationSettings></Role>
<NetworkConfiguration><AccessControls><AccessControl name="DenyAll"><!-- v6 -->
<Rule action="deny" description="" order="3" remoteSubnet="::/0"/>
<Rule action="permit" description="" order="1" remoteSubnet="192.0.2.1/24"/>
<Rule action="deny" description="" order="2" remoteSubnet="192.0.2.0/25"/>
</AccessControl></AccessControls><EndpointAcls>
<EndpointAcl role="SplitMergeWeb" endpoint="HttpIn" accessControl="DenyAll"/>
</EndpointAcls></NetworkConfiguration></ServiceConfiguration>)");
  out.seed("config", "doctype.cscfg",
           "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><ServiceConfiguration>&b;"
           "</ServiceConfiguration>");
}

/// A certificate of the fixed authority for a fixed key: only its serial number differs.
pki::certificate issued(const std::string& name, const pki::signing_key& to, bool authority) {
  const auto from = time_point(std::chrono::seconds(1767225600));
  const auto named = [](const std::string& each) {
    return pki::detail::distinguished_name(each).value();
  };
  pki::detail::certificate_plan plan{named("authority"),
                                     {},
                                     {from, from + std::chrono::hours(24 * 3650)},
                                     pki::certificate_purpose::both,
                                     authority,
                                     std::nullopt};
  const auto root =
      pki::detail::sign_certificate(pfx_authority(), nullptr, *pfx_authority().botan(), plan)
          .value();
  if (authority) return root;
  plan.subject = named(name);
  return pki::detail::sign_certificate(pfx_authority(), &root.x509(), *to.botan(), plan).value();
}

/// What is behind the MAC of a file: the octets within its AuthSafe.
bytes parts_of(bytes_view file) {
  Botan::BER_Decoder all(file);
  auto pfx = all.start_sequence();
  std::size_t version = 0;
  pfx.decode(version);
  auto safe = pfx.start_sequence();
  Botan::OID type;
  bytes content;
  safe.decode(type);
  auto inner = safe.start_context_specific(0);
  inner.decode(content, Botan::ASN1_Type::OctetString);
  return content;
}

/// Files as Botan writes them, with few rounds, and the parts behind their MACs (pfx_fuzz.cpp).
void pfx_files(corpus& out) {
  const auto leaf = issued("holder", pfx_holder(), false);
  const auto root = issued("", pfx_authority(), true);
  const auto seed = [&](const std::string& name, char how, bytes_view data) {
    out.seed("pfx", name, testing::hostile::joined({as_bytes({&how, 1}), data}));
  };
  const auto written = [&](const std::string& key, const std::string& certificates,
                           const std::string& digest, bool with_key = true) {
    Botan::PKCS12_Export_Options how(pfx_password_text, "fuzz");
    how.with_iterations(10).with_key_encryption_algo(key).with_cert_encryption_algo(certificates);
    how.with_mac_digest(digest.empty() ? "SHA-1" : digest);
    if (digest.empty()) how.without_mac();
    Botan::PKCS12 file;
    if (with_key) file.add_key(pfx_holder().botan());
    if (with_key) file.add_certificate(leaf.x509());
    file.add_certificate(root.x509());
    system_random source;
    keywarden::detail::botan_random<system_random> random(source);
    return file.export_to(how, random);
  };
  const auto modern = written("PBES2-SHA256-AES256", "PBES2-SHA256-AES256", "SHA-256");
  const auto readable = written("PBES2-SHA256-AES256", "", "SHA-512");
  const auto legacy = written("PBE-SHA1-3DES", "PBE-SHA1-3DES", "SHA-1");
  seed("modern", 'f', modern);
  seed("readable", 'f', readable);
  seed("legacy", 'f', legacy);
  seed("certificates", 'f', written("PBES2-SHA256-AES256", "", "SHA-256", false));
  seed("without_mac", 'f', written("PBES2-SHA256-AES256", "", ""));
  seed("modern_parts", 'p', parts_of(modern));
  seed("readable_parts", 'p', parts_of(readable));
  seed("legacy_parts", 'p', parts_of(legacy));

  // Nested bags: a key that is not encrypted, a certificate, and something else.
  const auto bag = [](std::string_view kind, const bytes& value) {
    bytes made;
    Botan::DER_Encoder(made)
        .start_sequence()
        .encode(Botan::OID::from_string(kind))
        .start_context_specific(0)
        .raw_bytes(value)
        .end_cons()
        .end_cons();
    return made;
  };
  const auto sequence = [](const bytes& content) {
    bytes made;
    Botan::DER_Encoder(made).start_sequence().raw_bytes(content).end_cons();
    return made;
  };
  const auto part = [&](const bytes& bags) {
    bytes made;
    Botan::DER_Encoder(made)
        .start_sequence()
        .encode(Botan::OID::from_string("PKCS7.Data"))
        .start_context_specific(0)
        .encode(sequence(bags), Botan::ASN1_Type::OctetString)
        .end_cons()
        .end_cons();
    return sequence(made);
  };
  bytes certificate;
  Botan::DER_Encoder(certificate)
      .start_sequence()
      .encode(Botan::OID::from_string("PKCS9.X509Certificate"))
      .start_context_specific(0)
      .encode(to_bytes(leaf.der()), Botan::ASN1_Type::OctetString)
      .end_cons()
      .end_cons();
  const auto key = to_bytes(keywarden::detail::view_of(pfx_holder().to_pkcs8().value()));
  const auto inner =
      testing::hostile::joined({bag("PKCS12.KeyBag", key), bag("PKCS12.CertBag", certificate),
                                bag("PKCS12.SecretBag", sequence({}))});
  seed("bags", 'p', part(inner));
  seed("nested_bags", 'p', part(bag("PKCS12.SafeContentsBag", sequence(inner))));
  seed("two_keys", 'p',
       part(testing::hostile::joined({bag("PKCS12.KeyBag", key), bag("PKCS12.KeyBag", key)})));
}

/// Requests of the two kinds of key, and one whose signature is another key's.
void requests(corpus& out) {
  const auto made = [](const pki::signing_key& key) {
    return pki::make_request(key, {"db1", {"a.example.org", "*.example.org"}, {"192.0.2.1", "::1"}})
        .value();
  };
  const auto p256 = made(pfx_holder());
  out.seed("certificate_request", "p256", p256.der());
  out.seed("certificate_request", "p256.pem", p256.pem());
  out.seed("certificate_request", "ed25519",
           made(pki::signing_key::generate<pki::ed25519>().value()).der());
  out.seed("certificate_request", "rsa",
           made(pki::signing_key::generate<pki::rsa<>>().value()).der());
  auto forged = p256.der();
  forged.back() ^= 1U;
  out.seed("certificate_request", "forged", forged);
}

/// What people paste.
void thumbprints(corpus& out) {
  constexpr std::string_view forty = "A909502DD82AE41433E6F83886B00D4277A32A7B";
  out.seed("thumbprint", "sha1", forty);
  out.seed("thumbprint", "sha256",
           "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF");
  out.seed("thumbprint", "dialog",
           "\xe2\x80\x8e"
           "a9 09 50 2d d8 2a e4 14 33 e6 f8 38 86 b0 0d 42 "
           "77 a3 2a 7b");
  out.seed("thumbprint", "openssl",
           "A9:09:50:2D:D8:2A:E4:14:33:E6:F8:38:86:B0:0D:42:77:A3:2A:7B\n");
  out.seed("thumbprint", "ansi", "?" + std::string(forty));
  out.seed("thumbprint", "full_width", "\xef\xbc\xa1\xef\xbc\x99" + std::string(forty.substr(2)));
  out.seed("thumbprint", "no_break_spaces",
           "a9\xc2\xa0"
           "09\xc2\xa0" +
               std::string(forty.substr(4)));
  out.seed("thumbprint", "odd", forty.substr(1));
  out.seed("thumbprint", "list", std::string(forty) + ", " + std::string(forty) + ",");
  out.seed("thumbprint", "network", "192.0.2.0/24");
  out.seed("thumbprint", "network_host_bits", "175.1.0.1/24");
  out.seed("thumbprint", "network_v6", "2001:db8::ffff:192.0.2.1/128");
  out.seed("thumbprint", "network_mapped", "::ffff:10.0.0.0/104");
}

/// Flights as they were recorded, and what is in them before it is protected (handshake_fuzz.cpp).
void handshakes(corpus& out) {
  namespace hostile = testing::hostile;
  using hostile::content;
  using hostile::message;
  const hostile::world here;
  const auto seed = [&](const std::string& name, char who, bytes_view data) {
    out.seed("handshake", name, hostile::joined({as_bytes({&who, 1}), data}));
  };
  const auto record = [](content type, bytes_view inside) {
    return hostile::joined(
        {hostile::number(1, static_cast<std::size_t>(type)), hostile::sized(2, inside)});
  };
  const auto update = hostile::framed(message::key_update, bytes{1});

  bytes sealed;
  hostile::client client(here.them, [&](hostile::client& self) {
    const auto say = [&](const bytes& whole) {
      append(sealed, record(content::handshake, whole));
      self.say_message(whole);
    };
    say(hostile::certificate_message(hostile::chain_of(self.own())));
    say(hostile::verify_message(*self.own().key, hostile::client_context,
                                self.transcript_digest()));
    say(self.finished_message(self.keys().client_handshake));
  });
  auto acceptor = here.accept();
  const auto hello = to_bytes(client.start().outgoing());
  testing::carry(client, acceptor).value();
  const auto answer = to_bytes(acceptor.outgoing());
  testing::carry(acceptor, client).value();
  seed("hello", 'a', hello);
  seed("hello_and_flight", 'a', hostile::joined({hello, client.outgoing()}));
  seed("flight", 'A', sealed);
  seed("empty_certificate", 'A', record(content::handshake, hostile::certificate_message({})));
  seed("data_instead", 'A', record(content::data, as_bytes("let me in")));

  hostile::hello_shape shape;
  shape.keys = {
      hostile::imported(hostile::aes256, "them>us", bytes(32, 1), "keywarden/1 endpoint")};
  shape.early_data = true;
  seed("hello_with_key", 'a',
       hostile::client(here.them, hostile::client::honest_flight, shape).start().outgoing());
  hostile::hello_shape older;
  older.versions.clear();
  older.suites = {0xc02b, 0xc006};
  seed("hello_of_tls12", 'a',
       hostile::client(here.them, hostile::client::honest_flight, older).start().outgoing());

  bytes answered;
  hostile::server server(here.them, [&](hostile::server& self) {
    const auto before = self.transcript().size();
    hostile::server::honest_answer(self);
    auto said = bytes_view(self.transcript()).subspan(before);
    for (bool first = true; !said.empty(); first = false) {
      const std::size_t size = 4U + said[2] * 256U + said[3];
      if (!first) append(answered, record(content::handshake, said.first(size)));
      said = said.subspan(size);
    }
  });
  auto connector = here.connect();
  testing::carry(connector, server).value();
  seed("answer", 'c', server.outgoing());
  seed("another_acceptors_answer", 'c', answer);
  seed("answer_inside", 'C', answered);

  seed(
      "session", 'S',
      hostile::joined({record(content::data, as_bytes("there")), record(content::handshake, update),
                       record(content::data, as_bytes("more")), record(content::alert, bytes{1, 0}),
                       record(content::data, as_bytes("too late"))}));
  seed("session_of_flood", 'S',
       hostile::joined({record(content::data, {}), record(content::alert, bytes{1, 90}),
                        record(content::handshake, update), record(content::handshake, update)}));
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: make_corpus <folder>\n";
    return 2;
  }
  corpus out(arguments[1]);
  key_records(out);
  messages<crypto::aes256_gcm, format::native>(out, "native");
  messages<crypto::chacha20_poly1305, format::native>(out, "chacha");
  messages<crypto::aes256_gcm, format::tink>(out, "tink");
  streams<stream::native>(out, "native");
  streams<stream::tink>(out, "tink");
  copies_and_backups(out);
  journals(out);
  texts(out);
  configurations(out);
  pfx_files(out);
  requests(out);
  thumbprints(out);
  handshakes(out);
  out.write_list();
}
