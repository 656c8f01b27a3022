<?php
$key = getenv('NEARFIELD_KEY');
$sign = fn($secret, $text) => hash_hmac('sha256', $text, $secret, true);
$encode = fn($data) => rtrim(strtr(base64_encode($data), '+/', '-_'), '=');
$now = time();
$header = ['alg' => 'HS256', 'typ' => 'JWT', 'kid' => substr($key, 6, 16)];
$claims = ['iat' => $now, 'exp' => $now + 900, 'scopes' => ['search'], 'principals' => ['user:42'], 'sub' => 'user:42'];
$signed = $encode(json_encode($header)) . '.' . $encode(json_encode($claims));
echo $signed . '.' . $encode($sign($sign($key, 'nearfield-token-v1'), $signed)), "\n";
