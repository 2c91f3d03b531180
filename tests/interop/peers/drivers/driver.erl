%% SPDX-License-Identifier: MIT
%% ROLE PORT VERSION CA CERT KEY ASK DATA GOT STEP...: a TLS peer on Erlang's ssl; see grammar.py for the steps.
-module(driver).
-export([main/1]).

main([Role, Port, Version, Ca, Cert, Key, Ask, Data, Got | Steps]) ->
    logger:set_primary_config(level, none),
    {ok, _} = application:ensure_all_started(ssl),
    {ok, Bytes} = file:read_file(Data),
    {ok, File} = file:open(Got, [write, raw, binary]),
    Raw = plain(Role, list_to_integer(Port)),
    case secure(Role, Raw, options(Role, Version, Ca, Cert, Key, Ask)) of
        {ok, Tls} -> play(Steps, {Tls, Raw, File}, Bytes, 0);
        Failed -> give_up(Failed)
    end,
    halt(0).

options(Role, Version, Ca, Cert, Key, Ask) ->
    Versions = case Version of "1.2" -> ['tlsv1.2']; "1.3" -> ['tlsv1.3'] end,
    Verify = case {Role, Ask} of
        {"server", "ask"} -> [{verify, verify_peer}, {fail_if_no_peer_cert, true}, {cacertfile, Ca}];
        {"server", _} -> [{verify, verify_none}];
        {"client", _} -> [{verify, verify_peer}, {cacertfile, Ca}, {server_name_indication, "localhost"}]
    end,
    Identity = case Cert of "-" -> []; _ -> [{certfile, Cert}, {keyfile, Key}] end,
    [{versions, Versions}, {active, false}, {mode, binary}] ++ Verify ++ Identity.

plain("client", Port) ->
    {ok, Raw} = gen_tcp:connect({127, 0, 0, 1}, Port, [{active, false}, binary]),
    Raw;
plain("server", _) ->
    {ok, Listener} = gen_tcp:listen(0, [{active, false}, binary, {ip, {127, 0, 0, 1}}]),
    {ok, Mine} = inet:port(Listener),
    io:format("port ~b~n", [Mine]),
    {ok, Raw} = gen_tcp:accept(Listener),
    Raw.

secure("client", Raw, Options) -> ssl:connect(Raw, Options, 20000);
secure("server", Raw, Options) -> ssl:handshake(Raw, Options, 20000).

give_up(Why) ->
    Words = [case C of $\n -> $\s; _ -> C end || C <- lists:flatten(io_lib:format("~0p", [Why]))],
    io:format("failed ~s~n", [Words]),
    halt(0).

check(ok) -> ok;
check(Failed) -> give_up(Failed).

hear({Tls, _, File} = All, Limit, Received) when Received < Limit ->
    case ssl:recv(Tls, 0) of
        {ok, More} ->
            ok = file:write(File, More),
            hear(All, Limit, Received + byte_size(More));
        {error, closed} -> {ended, Received};
        Failed -> give_up(Failed)
    end;
hear(_, _, Received) -> {more, Received}.

play([], _, _, _) -> ok;
play([Step | Rest], {Tls, Raw, _} = All, Bytes, Received) ->
    {Word, Count} = case string:split(Step, ":") of
        [W, N] -> {W, list_to_integer(N)};
        [W] -> {W, 0}
    end,
    {Left, Now} = case Word of
        W2 when W2 =:= "send"; W2 =:= "reply" ->
            <<Part:Count/binary, After/binary>> = Bytes,
            check(ssl:send(Tls, Part)),
            {After, Received};
        "recv" ->
            {_, Sum} = hear(All, Count, Received),
            {Bytes, Sum};
        "read" ->
            {ended, Sum} = hear(All, infinity, Received),
            io:format("end {error,closed}~n"),
            {Bytes, Sum};
        "stall" -> timer:sleep(Count), {Bytes, Received};
        "half" -> check(ssl:shutdown(Tls, write)), {Bytes, Received};
        "close" -> check(ssl:close(Tls)), {Bytes, Received};
        "cut" -> gen_tcp:close(Raw), {Bytes, Received};
        "reset" -> inet:setopts(Raw, [{linger, {true, 0}}]), gen_tcp:close(Raw), {Bytes, Received}
    end,
    play(Rest, All, Left, Now).
