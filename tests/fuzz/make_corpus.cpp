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

#include <keywarden/key/opened_key.hpp>
#include <keywarden/key/stream.hpp>
#include <keywarden/store/journal.hpp>
#include <keywarden/vault/backup.hpp>
#include <keywarden/vault/master_copy.hpp>

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
  handshakes(out);
  out.write_list();
}
