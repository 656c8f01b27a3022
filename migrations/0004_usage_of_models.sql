ALTER TABLE `usage_daily` ADD `token_cost` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
UPDATE `usage_daily` SET `token_cost` = `embedding_tokens` * 12;--> statement-breakpoint
INSERT INTO `meta` (`key`, `value`) VALUES ('schema_version', 5) ON CONFLICT (`key`) DO UPDATE SET `value` = excluded.`value`;
